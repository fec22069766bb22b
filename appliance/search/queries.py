"""Questions to PostgreSQL about words, and to the index about segments.

Plaintext goes to PostgreSQL here, as a bound parameter of a statement that stores nothing: it cuts words to their
stems, because only it knows its own rules. It is on the other end of a socket on the same machine, and it writes
parameters neither to a table nor to its log.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, TEXT

from appliance.database.engine import Tx
from appliance.kernel.ids import MeetingId, UserId

_LEXEMES = text(
    """
    SELECT ARRAY(
        SELECT lexeme FROM unnest(cut.stems)
        UNION
        SELECT lexeme FROM unnest(cut.plain) WHERE positions && kept.places
    )
    FROM unnest(:texts) WITH ORDINALITY AS given (words, place),
        LATERAL (
            SELECT to_tsvector(CAST(:config AS regconfig), words) AS stems, to_tsvector('simple', words) AS plain
        ) AS cut,
        LATERAL (SELECT array_agg(p) AS places FROM unnest(cut.stems) AS s, unnest(s.positions) AS p) AS kept
    ORDER BY given.place
    """
).bindparams(bindparam("texts", type_=ARRAY(TEXT)))
_QUERY_LEXEMES = text(
    """
    SELECT config, place, true AS is_stem, lexeme
    FROM unnest(:configs) AS config, unnest(to_tsvector(CAST(config AS regconfig), :words)), unnest(positions) AS place
    UNION ALL
    SELECT config, place, false, lexeme
    FROM unnest(:configs) AS config, unnest(to_tsvector('simple', :words)), unnest(positions) AS place
    """
).bindparams(bindparam("configs", type_=ARRAY(TEXT)))
_FIND = text("SELECT meeting_id, segment_id FROM find_segments(CAST(:query AS tsquery), :reader, :sees_all, :most)")


def lexemes(tx: Tx, config: str, texts: Sequence[str]) -> list[list[str]]:
    """What each text can be found by: its words' stems, and the words themselves but for stop words.

    The words themselves, because a stemmer takes too much off some: Hungarian *feladat* becomes *fel*, but *feladatot*
    becomes *feladat*, which is the other word as it stands.
    """
    return list(tx.execute(_LEXEMES, {"config": config, "texts": list(texts)}).scalars())


def query_lexemes(tx: Tx, configs: Sequence[str], words: str) -> Mapping[str, Sequence[frozenset[str]]]:
    """What to look for, by the rules of each configuration: for every word that matters its stem or itself."""
    stems: dict[str, dict[int, set[str]]] = {config: {} for config in configs}
    plain: dict[str, dict[int, set[str]]] = {config: {} for config in configs}
    for row in tx.execute(_QUERY_LEXEMES, {"configs": list(configs), "words": words}):
        found = stems if row.is_stem else plain
        found[row.config].setdefault(row.place, set()).add(row.lexeme)
    return {
        config: [frozenset(by_place[place] | plain[config].get(place, set())) for place in sorted(by_place)]
        for config, by_place in stems.items()
    }


def find_segments(tx: Tx, query: str, *, reader: UserId | None, most: int) -> list[tuple[MeetingId, int]]:
    """Segments that match, newest meeting first.

    Args:
        query: in tokens, as ``model.tsquery`` makes it.
        reader: whose meetings to look into; None looks into all of the tenant.
    """
    values = {"query": query, "reader": reader, "sees_all": reader is None, "most": most}
    return [(MeetingId(row.meeting_id), row.segment_id) for row in tx.execute(_FIND, values)]
