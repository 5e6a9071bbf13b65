"""The audit log: every change and every refusal, hash-chained."""
