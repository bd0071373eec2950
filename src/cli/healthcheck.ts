// The image's HEALTHCHECK. A file of its own, because the image has no shell tool that sends HTTP requests.
const { HOST, PORT } = process.env;
const host = !HOST || HOST === '0.0.0.0' || HOST === '::' ? '127.0.0.1' : HOST;
const response = await fetch(`http://${host}:${PORT || '4000'}/livez`).catch(() => undefined);
process.exitCode = response?.ok ? 0 : 1;
