"""The embedded model: llama.cpp in a child process, and the files it loads."""
