"""Makes sure that the server knows Hungarian letters; with another locale, search goes wrong without a word.

In a database made with LOCALE 'C', ``lower('Ő')`` stays ``Ő``, and ``to_tsvector('hungarian', 'HATÁROZATOK')`` is
``hatÁrozat``, which nobody ever finds.
"""

from typing import Any

import psycopg

from appliance.database.errors import WrongLocale

_PROBES = {
    "its encoding is not UTF-8": "SELECT current_setting('server_encoding') = 'UTF8'",
    "lower() leaves accented capitals": "SELECT lower('ÁRVÍZTŰRŐ TÜKÖRFÚRÓGÉP') = 'árvíztűrő tükörfúrógép'",
    "comparing without case fails on accents": "SELECT 'ŐSZI ÜLÉS' ILIKE 'őszi ülés'",
    "search takes capitals for other letters": (
        "SELECT to_tsvector('hungarian', 'HATÁROZATOK ŐSZI') = to_tsvector('hungarian', 'határozatok őszi')"
    ),
    "search does not find a word by its stem": (
        "SELECT to_tsvector('hungarian', 'Értekezletünkről') @@ to_tsquery('hungarian', 'értekezletről')"
    ),
}


def require_hungarian(connection: psycopg.Connection[Any]) -> None:
    """Ask the database itself, with words that break under a wrong locale.

    Raises:
        WrongLocale: one of the probes failed; says which.
    """
    for finding, probe in _PROBES.items():
        row = connection.execute(probe.encode()).fetchone()
        if not (row and row[0]):
            raise WrongLocale(finding=finding)
