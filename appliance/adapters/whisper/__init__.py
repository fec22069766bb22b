"""Words by faster-whisper on CTranslate2."""

from appliance.adapters.whisper.engine import WhisperSpeech

__all__ = ["WhisperSpeech"]
