"""Who may approve: people with their SSH keys, in the form of ``allowed_signers``, read strictly.

A key belongs to one person; somebody with three keys is one person. Options of the format that widen what a line allows
(wildcards, certificate authorities) are refused, because two lines could then be one human being.
"""

import base64
import binascii
import re
from dataclasses import dataclass

from appliance.approvals.errors import ApproversInvalid, SignatureInvalid
from appliance.approvals.model import NAMESPACE, NEEDED
from appliance.approvals.signatures import key_fingerprint, key_type_of

MAX_FILE_BYTES = 64 * 1024
MAX_KEYS = 100
MAX_PEOPLE = 30
_PERSON = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")
_OPTION = f'namespaces="{NAMESPACE}"'


@dataclass(frozen=True, slots=True)
class Approver:
    """One key of one person."""

    person: str
    key_type: str
    key_blob: bytes

    @property
    def key(self) -> str:
        """The key's fingerprint."""
        return key_fingerprint(self.key_blob)

    def line(self) -> str:
        """As ``ssh-keygen -Y verify`` reads it."""
        return f"{self.person} {_OPTION} {self.key_type} {base64.b64encode(self.key_blob).decode()}"


@dataclass(frozen=True, slots=True)
class Approvers:
    """Everybody who may approve."""

    keys: tuple[Approver, ...]

    @property
    def people(self) -> tuple[str, ...]:
        """Their names, each once."""
        return tuple(sorted({key.person for key in self.keys}))

    def owner_of(self, key_blob: bytes) -> Approver | None:
        """Whose key that is."""
        return next((key for key in self.keys if key.key_blob == key_blob), None)

    def text(self) -> str:
        """The one way in which this list is written."""
        ordered = sorted(self.keys, key=lambda key: (key.person, key.key_type, key.key_blob))
        return "".join(f"{key.line()}\n" for key in ordered)

    def arguments(self) -> dict[str, str]:
        """What somebody approves who approves this list: each person with the fingerprints of their keys."""
        return {
            f"person.{number}": f"{person} " + " ".join(sorted(key.key for key in self.keys if key.person == person))
            for number, person in enumerate(self.people, 1)
        }


def read_approvers(data: bytes) -> Approvers:
    """A list of approvers.

    Raises:
        ApproversInvalid: it cannot be read, one key has two owners, or they are fewer than two people.
    """
    if len(data) > MAX_FILE_BYTES:
        raise ApproversInvalid(reason=f"it is longer than {MAX_FILE_BYTES} bytes")
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError as error:
        raise ApproversInvalid(reason="it is no plain text") from error
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1)]
    keys = tuple(_approver(number, line) for number, line in lines if line and not line.startswith("#"))
    if len(keys) > MAX_KEYS:
        raise ApproversInvalid(reason=f"it has more than {MAX_KEYS} keys")
    if len({key.key_blob for key in keys}) != len(keys):
        raise ApproversInvalid(reason="a key is there twice; each belongs to one person")
    folded = {key.person.casefold(): key.person for key in keys}
    if any(folded[key.person.casefold()] != key.person for key in keys):
        raise ApproversInvalid(reason="a name is written in two ways")
    if len(folded) > MAX_PEOPLE:
        raise ApproversInvalid(reason=f"it names more than {MAX_PEOPLE} people")
    if len(folded) < NEEDED:
        raise ApproversInvalid(reason=f"it names {len(folded)} people, and {NEEDED} have to approve")
    return Approvers(keys)


def _approver(number: int, line: str) -> Approver:
    person, _, rest = line.partition(" ")
    words = rest.split()
    if words and words[0] == _OPTION:
        words = words[1:]
    if not _PERSON.fullmatch(person):
        raise ApproversInvalid(reason=f"line {number} does not begin with one person's name")
    if len(words) < 2:
        raise ApproversInvalid(reason=f"line {number} has no key, or an option that is not taken")
    try:
        blob = base64.b64decode(words[1], validate=True)
        key_type = key_type_of(blob)
    except (binascii.Error, ValueError) as error:
        raise ApproversInvalid(reason=f"line {number} has no key") from error
    except SignatureInvalid as error:
        raise ApproversInvalid(reason=f"line {number}: {error.fields['reason']}") from error
    if words[0] != key_type:
        raise ApproversInvalid(reason=f"line {number} calls its key {words[0][:40]}, and it is another")
    return Approver(person, key_type, blob)
