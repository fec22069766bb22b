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
    "SELECT tsvector_to_array(to_tsvector(CAST(:config AS regconfig), t.words))"
    " FROM unnest(:texts) WITH ORDINALITY AS t (words, position) ORDER BY position"
).bindparams(bindparam("texts", type_=ARRAY(TEXT)))
_IN_ALL = text(
    "SELECT config, tsvector_to_array(to_tsvector(CAST(config AS regconfig), :words)) AS found"
    " FROM unnest(:configs) AS config"
).bindparams(bindparam("configs", type_=ARRAY(TEXT)))
_FIND = text("SELECT meeting_id, segment_id FROM find_segments(CAST(:query AS tsquery), :reader, :sees_all, :most)")


def lexemes(tx: Tx, config: str, texts: Sequence[str]) -> list[list[str]]:
    """The lexemes of each text, by the rules of one configuration."""
    return list(tx.execute(_LEXEMES, {"config": config, "texts": list(texts)}).scalars())


def lexemes_in_all(tx: Tx, configs: Sequence[str], words: str) -> Mapping[str, list[str]]:
    """The lexemes of ``words`` by the rules of each configuration."""
    return {row.config: row.found for row in tx.execute(_IN_ALL, {"configs": list(configs), "words": words})}


def find_segments(tx: Tx, query: str, *, reader: UserId | None, most: int) -> list[tuple[MeetingId, int]]:
    """Segments that match, newest meeting first.

    Args:
        query: in tokens, as ``model.tsquery`` makes it.
        reader: whose meetings to look into; None looks into all of the tenant.
    """
    values = {"query": query, "reader": reader, "sees_all": reader is None, "most": most}
    return [(MeetingId(row.meeting_id), row.segment_id) for row in tx.execute(_FIND, values)]
