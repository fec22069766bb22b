"""The engines that fill the rooms' ports: PostgreSQL, Huey, Whisper, diarizer, llama.cpp, blobs."""
