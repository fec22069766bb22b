"""What can go wrong with searching."""

from appliance.kernel.errors import Invalid


class QueryEmpty(Invalid):
    """There is no word in the query."""

    code = "search.query_empty"
    message = "There is nothing to look for: the query holds no word."
    hint = "Use a word that matters, such as a name or a subject."


class QueryTooLong(Invalid):
    """A query is a few words, not a text."""

    code = "search.query_too_long"
    message = "The query has {length} characters; the limit is {limit}."
    hint = "Use a few words."
