"""What an agent sees of real messages of the LLM SDKs: ``make sdks`` installs them and writes docs/sdk-messages.md."""
