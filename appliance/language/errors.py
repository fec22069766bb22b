"""What can go wrong when a language model is asked something."""

from appliance.kernel.errors import Invalid, Refused, Unavailable


class PromptTooLong(Refused):
    """The counted tokens do not fit; nothing was cut off and nothing was asked."""

    code = "language.prompt_too_long"
    message = "The question needs {needed} tokens; the model {model} reads {available}."
    hint = "Raise minutes.context_tokens, or use a model with a longer context: hangjegyzet models use NAME"


class AnswerCutShort(Unavailable):
    """The model was still writing when its tokens ran out, so that its answer is no JSON."""

    code = "language.answer_cut_short"
    message = "The model {model} did not finish its answer within {max_tokens} tokens."
    hint = "Try again; if it stays so, use a larger model: hangjegyzet models use NAME"


class SchemaNotSupported(Invalid):
    """The asked form cannot be turned into a grammar; a programming error of the asking room."""

    code = "language.schema_not_supported"
    message = "This JSON schema cannot bind the model: {reason}"


class ModelUnreadable(Unavailable):
    """The file is there and llama.cpp cannot load it."""

    code = "language.model_unreadable"
    message = "The language model {model} could not be loaded."
    hint = "Check its pack with hangjegyzet models verify, then import it again or choose another."


class NotEnoughMemory(Unavailable):
    """Loading would push the machine, or its GPU, out of memory."""

    code = "language.not_enough_memory"
    message = "The language model {model} needs about {needed} on {device}; {free} is free."
    hint = "Free memory on {device}, lower minutes.context_tokens, or use a smaller model: hangjegyzet models use NAME"


class DeviceMissing(Unavailable):
    """A GPU is asked for by the settings and none can be used."""

    code = "language.device_missing"
    message = "minutes.device is cuda, and no CUDA device can be used: {reason}."
    hint = "Set minutes.device to auto or cpu, or install the driver and a CUDA build of llama-cpp-python."
