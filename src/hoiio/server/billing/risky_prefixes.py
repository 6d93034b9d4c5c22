"""Digit prefixes that no call goes to unless the operator allows it: where telephone fraud pays.

Prefixes, since numbers that nobody has assigned yet are dialled and charged like any other, and no
numbering plan knows their type. Some are longer than the range that the plan names, some shorter:
where a whole digit is sold by the minute, the digit stands here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """Why a prefix is refused."""

    SATELLITE = "satellite"
    INTERNATIONAL = "international service"
    SHARED_COST = "shared cost"
    PREMIUM = "premium rate"
    PERSONAL = "personal number"
    REMOTE = "often abused"
    CONFIGURED = "configured"


_SATELLITE: Final = "870 871 872 873 874 881"

_INTERNATIONAL: Final = "800 878 882 883 888 979"
"""Freephone, personal and premium numbers of no country, and networks that span them."""

_REMOTE: Final = "246 247 290 500 672 674 677 681 683 686 688 690 850"
"""Places of few people whose ranges are sold on for traffic that never arrives there."""

_PREMIUM: Final[Mapping[str, str]] = {
    "1": "900 976 246976 345976",
    "7": "803 809",
    "20": "900",
    "27": "862 863 864 865 866 867 868 869 90 91 92",
    "30": "901 909",
    "31": "900 906 909",
    "32": "90",
    "33": "836 89",
    "34": "803 806 807 905 907",
    "36": "90 91",
    "39": "0878 144 163 164 166 892 893 894 895 899",
    "40": "900 901 903 906",
    "41": "900 901 906",
    "43": "900 901 930 931 939",
    "44": "871 872 873 9",
    "45": "90",
    "46": "900 939 944 99",
    "47": "820 829",
    "48": "70",
    "49": "137 190 900",
    "51": "805",
    "52": "900",
    "54": "600 609",
    "55": "500 900",
    "57": "901 1900 1901",
    "58": "900 901",
    "60": "1600 600",
    "61": "190",
    "62": "809",
    "64": "90",
    "65": "1900",
    "66": "1900",
    "81": "990",
    "82": "60",
    "84": "1900",
    "86": "160 168",
    "90": "888 898 900",
    "91": "1861 1862",
    "92": "900",
    "212": "89",
    "216": "88",
    "230": "30",
    "250": "900",
    "254": "900",
    "255": "90",
    "256": "90",
    "267": "90",
    "297": "900",
    "298": "90",
    "351": "601 607 608 646 648 760 761 762",
    "352": "900 901 905",
    "353": "15",
    "354": "90",
    "355": "900",
    "356": "50 51 52",
    "357": "900 909",
    "358": "600 700",
    "359": "90",
    "370": "90 910",
    "371": "90",
    "372": "40 900",
    "373": "900 905 906",
    "374": "900 901 906",
    "375": "810 902",
    "376": "1 9",
    "380": "900",
    "381": "78 90",
    "382": "94 95",
    "383": "900",
    "385": "60 61 64 65 69",
    "386": "89 90",
    "387": "90 92 94 96",
    "389": "5",
    "420": "900 905 906 908 909 976",
    "421": "900 97 98",
    "502": "19",
    "503": "900",
    "506": "900 905 909",
    "598": "90",
    "670": "90",
    "852": "900",
    "855": "1900",
    "886": "20",
    "960": "900",
    "961": "90 91",
    "966": "925",
    "968": "900",
    "971": "900",
    "972": "1200 1212 190 1919",
    "994": "900",
}

_SHARED_COST: Final[Mapping[str, str]] = {
    "808": "",
    "27": "860",
    "30": "801",
    "32": "78",
    "33": "81 82 884",
    "34": "901 902",
    "39": "840 841 847 848",
    "41": "840 842 844 848",
    "43": "810 820 821 828",
    "44": "843 844 845 870",
    "46": "77",
    "47": "810",
    "48": "801",
    "49": "138 180",
    "61": "13",
    "353": "1850 1890 1818",
    "357": "80",
    "371": "81",
    "972": "1700",
}

_PERSONAL: Final[Mapping[str, str]] = {"44": "70", "31": "84 87"}


def _below(codes: Mapping[str, str], kind: Kind) -> Iterator[tuple[str, Kind]]:
    for code, prefixes in codes.items():
        yield from ((code + prefix, kind) for prefix in prefixes.split() or [""])


BUILT_IN: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(_SATELLITE.split(), Kind.SATELLITE),
    **dict.fromkeys(_INTERNATIONAL.split(), Kind.INTERNATIONAL),
    **dict.fromkeys(_REMOTE.split(), Kind.REMOTE),
    **dict(_below(_PREMIUM, Kind.PREMIUM)),
    **dict(_below(_SHARED_COST, Kind.SHARED_COST)),
    **dict(_below(_PERSONAL, Kind.PERSONAL)),
}
"""Every prefix that is refused unless one as long or longer is allowed, and why."""
