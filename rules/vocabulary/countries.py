"""ISO 3166-1: which pairs of letters stand for a country.

Requests may name any pair; a rule about one that no request has never fires.
"""

from typing import Final

from rules.vocabulary.encodings import COUNTRIES

_ASSIGNED: Final = """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL
CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU
GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC
MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT
PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA
UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
"""
_OWN_USE: Final = ("AA", "ZZ", *(pair for pair in COUNTRIES.values() if "QM" <= pair <= "QZ" or pair[0] == "X"))
"""Pairs that the standard leaves to its users, like XK for Kosovo."""

IN_USE: Final = frozenset([*_ASSIGNED.split(), *_OWN_USE])

NEAR: Final = {
    "UK": "GB",
    "EL": "GR",
    "EN": "GB",
    "SU": "RU",
    "BU": "MM",
    "TP": "TL",
    "YU": "RS",
    "CS": "RS",
    "ZR": "CD",
    "DD": "DE",
    "FX": "FR",
    "AN": "CW",
    "EU": "each of its countries",
}
"""What is meant by pairs that are in use elsewhere, or were once."""
