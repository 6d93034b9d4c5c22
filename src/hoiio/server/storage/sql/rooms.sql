-- A room is a row while somebody is in it or being called; its people are counted by conditional
-- updates only, so that two requests can never share its last place.

-- name: take_places
INSERT INTO rooms (application, name, people) VALUES (:application, :name, :people)
ON CONFLICT (application, name) DO UPDATE
SET people = rooms.people + excluded.people
WHERE rooms.people + excluded.people <= :size
RETURNING people

-- name: open_room
INSERT INTO rooms (application, name, people) VALUES (:application, :name, :people)
ON CONFLICT (application, name) DO NOTHING
RETURNING people

-- name: leave_room
UPDATE rooms SET people = people - 1
WHERE application = :application AND name = :name
RETURNING people

-- name: close_room
DELETE FROM rooms WHERE application = :application AND name = :name AND people = 0
