// Asks the gateway in the same container whether it lives; the exit code is the answer.
const { PORT = '4000' } = process.env;
const response = await fetch(`http://127.0.0.1:${PORT}/livez`).catch(() => undefined);
process.exitCode = response?.ok ? 0 : 1;
