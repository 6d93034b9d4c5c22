-- Conference rooms in use: who is in one or being called holds a place.

CREATE TABLE rooms (
    application INTEGER NOT NULL REFERENCES applications (id),
    name TEXT NOT NULL,
    people INTEGER NOT NULL CHECK (people BETWEEN 0 AND 8),
    PRIMARY KEY (application, name)
);

INSERT INTO sequences (name, value) VALUES ('room', 100);
