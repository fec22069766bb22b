"""What can go wrong with model packs."""

from appliance.kernel.errors import Conflict, Corrupt, Invalid, NotFound, Refused, Unavailable


class PackNotFound(NotFound):
    code = "models.pack_not_found"
    message = "No model pack named {name} is installed."
    hint = "See what is installed with: hangjegyzet models list"


class NoActivePack(Unavailable):
    code = "models.none_active"
    message = "No model pack is in use for {seat}."
    hint = "Install one: make setup (starter models), or hangjegyzet models import PATH"


class PackIncomplete(Corrupt):
    code = "models.pack_incomplete"
    message = "The model pack {name} is damaged: {path} is missing or has another size."
    hint = "Import the pack again: hangjegyzet models import PATH --replace"


class ManifestInvalid(Invalid):
    code = "models.manifest_invalid"
    message = "The manifest of {source} cannot be read: {reason}"
    hint = "docs/models.md describes pack.toml."


class UnknownPack(Invalid):
    code = "models.unknown_pack"
    message = "{source} has no pack.toml, and its files are those of no model that this release knows."
    hint = "Say which it is: hangjegyzet models import PATH --as NAME, with one of: {choices}. Or add a pack.toml."


class NotInCatalogue(NotFound):
    code = "models.not_in_catalogue"
    message = "This release knows no model named {name}."
    hint = "It knows: {choices}."


class UnreadableSource(Invalid):
    code = "models.unreadable_source"
    message = "{source} is neither a folder, nor a .tar, .tar.gz, .tar.zst or .zip archive, nor a .gguf file: {reason}"
    hint = "Give a folder or an archive that holds the model's files."


class UnsafeArchive(Refused):
    code = "models.unsafe_archive"
    message = "The archive {source} was refused: its member {member} {reason}."
    hint = "Packs hold plain files in plain folders. Do not trust where this archive came from."


class FileMissing(Invalid):
    code = "models.file_missing"
    message = "{source} lacks the file {path} that the pack {name} declares."
    hint = "Copy the model again, completely."


class HashMismatch(Corrupt):
    code = "models.hash_mismatch"
    message = "The file {path} of {name} is not the published one: expected sha256 {expected}, found {found}."
    hint = "Nothing was installed. Copy the file again from a source that you trust."


class PackDamaged(Corrupt):
    code = "models.pack_damaged"
    message = "The model pack {name} is not what was installed: {path} is {state}."
    hint = "Import the pack again: hangjegyzet models import PATH --replace"


class PackExists(Conflict):
    code = "models.pack_exists"
    message = "A different model pack named {name} is installed already."
    hint = "Replace it with: hangjegyzet models import PATH --replace"


class NotEnoughSpace(Unavailable):
    code = "models.not_enough_space"
    message = "The pack {name} needs {needed}; the folder {folder} has {free} free."
    hint = "Free some space, or remove unused packs: hangjegyzet models gc --unused"


class FolderNotWritable(Refused):
    code = "models.folder_not_writable"
    message = "The models folder {folder} cannot be written by this user."
    hint = "Run the command as the user who owns the folder."


class GgufInvalid(Invalid):
    code = "models.gguf_invalid"
    message = "{source} is not a usable GGUF file: {reason}"
    hint = "Copy the file again, or export it again with a current llama.cpp."


class UnsupportedEngine(Refused):
    code = "models.unsupported_engine"
    message = "The pack {name} needs the engine {engine}, which this release does not have."
    hint = "The pack stays installed and verified; a release that can run it will offer it."
