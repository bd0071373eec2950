import type { Failure } from './call.ts';
import { problem, type Verdict } from './verdict.ts';

/** Who was called, and the variables an operator would turn to. */
export type Target = { url: string; urlVariable: string; timeoutMs: number; timeoutVariable?: string };

/** Names what kept a call from being answered, and what to do about it. */
export function describeFailure({ stage, code }: Failure, target: Target): Verdict {
  if (stage === 'tls') return describeTls(code, target);
  if (code === 'TIMEOUT' || code === 'ETIMEDOUT') return describeTimeout(stage, target);
  if (stage === 'lookup') return describeLookup(code, target);
  return stage === 'connect' ? describeConnection(code, target) : describeBrokenAnswer(code, target);
}

function describeLookup(code: string, { url, urlVariable }: Target): Verdict {
  const { hostname } = new URL(url);
  if (code === 'ENOTFOUND') {
    return problem(
      `DNS failure: there is no host named ${hostname} (ENOTFOUND).`,
      `Mend the host in ${urlVariable}; if it is right, ask why this machine's name server does not know it.`,
    );
  }
  return problem(
    `DNS failure: the name server gave no answer for ${hostname} (${code}).`,
    'Check which name servers this machine uses and whether it can reach them, then run this again.',
  );
}

function describeConnection(code: string, { url, urlVariable }: Target): Verdict {
  const place = placeOf(url);
  if (code === 'ECONNREFUSED') {
    return problem(
      `Connection refused: nothing listens at ${place}, or a firewall refuses (ECONNREFUSED).`,
      `Mend host and port in ${urlVariable}; if they are right, see that what should listen there runs.`,
    );
  }
  return problem(
    `Connection failed: ${place} cannot be reached (${code}).`,
    'Check the routes and the firewall of this machine, then run this again.',
  );
}

function describeTimeout(stage: Failure['stage'], { url, timeoutMs, timeoutVariable }: Target): Verdict {
  const place = placeOf(url);
  if (stage === 'lookup')
    return problem(
      `DNS failure: the name in ${place} was not looked up within ${timeoutMs} ms.`,
      'Check which name servers this machine uses and whether it can reach them, then run this again.',
    );
  if (stage === 'connect')
    return problem(
      `Timeout: no connection to ${place} within ${timeoutMs} ms.`,
      'A firewall may drop it silently: let this machine connect to there, then run this again.',
    );
  const limit = timeoutVariable === undefined ? '' : `; if it is always this slow, raise ${timeoutVariable}`;
  return problem(
    `Timeout: ${place} took the connection but gave no whole answer within ${timeoutMs} ms.`,
    `Run this again${limit}.`,
  );
}

function describeBrokenAnswer(code: string, { url, urlVariable }: Target): Verdict {
  const place = placeOf(url);
  if (code.startsWith('HPE_')) {
    return problem(
      `What answers at ${place} does not speak HTTP (${code}).`,
      `Mend ${urlVariable}: the port may be another service's, or want https.`,
    );
  }
  return problem(
    `Connection lost: ${place} closed it before the answer was whole (${code}).`,
    `Run this again; if it stays so, something in between cuts it, or ${urlVariable} is the wrong place (http for https, for instance).`,
  );
}

const trustCertificate =
  'Where a proxy of yours signs it, give its root certificate to Node with NODE_EXTRA_CA_CERTS=FILE, here and for the gateway.';
const renewCertificate = "Check this machine's clock; if that is right, whoever runs the host must renew it.";

/** OpenSSL's and Node's words for what is wrong with a certificate, in ours. */
const certificateFaults: Readonly<Record<string, readonly [fault: string, next: string]>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: ['is self-signed, so nobody vouches for it', trustCertificate],
  SELF_SIGNED_CERT_IN_CHAIN: ['goes back to a root that this machine does not trust', trustCertificate],
  UNABLE_TO_GET_ISSUER_CERT: ['comes without its issuer', trustCertificate],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: ['has an issuer that this machine does not know', trustCertificate],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: ['comes without the certificates between it and a root', trustCertificate],
  CERT_HAS_EXPIRED: ['has expired', renewCertificate],
  CERT_NOT_YET_VALID: ['is not valid yet', renewCertificate],
  CERT_REVOKED: ['was revoked', 'Do not go on; ask whoever runs the host.'],
};

function describeTls(code: string, target: Target): Verdict {
  const place = placeOf(target.url);
  const certificateFault = certificateFaults[code];
  if (certificateFault !== undefined) {
    const [fault, next] = certificateFault;
    return problem(`TLS failure: the certificate of ${place} ${fault} (${code}).`, next);
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return problem(
      `TLS failure: the certificate of ${place} is for another name (${code}).`,
      `Mend the host in ${target.urlVariable}; if it is right, something else answers in its place.`,
    );
  }
  if (code === 'TIMEOUT') {
    return problem(
      `Timeout: ${place} took the connection but agreed on no TLS within ${target.timeoutMs} ms.`,
      `See that ${target.urlVariable} names the port that speaks TLS, then run this again.`,
    );
  }
  return problem(
    `TLS failure: no secure connection to ${place} came about (${code}).`,
    `What answers there may not speak TLS: check scheme and port in ${target.urlVariable}.`,
  );
}

function placeOf(url: string): string {
  const { protocol, hostname, port } = new URL(url);
  return `${hostname}:${port || (protocol === 'https:' ? '443' : '80')}`;
}
