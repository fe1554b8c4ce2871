"""A linker behind an OpenAI-compatible chat endpoint: prompt, service, kept replies, parser."""
