"""What a language model is asked, and how code checks what it answers."""
