/**
 * What a failed TLS handshake means to an operator, in a sentence that names the setting which fixes it.
 * @returns null: the error is not about TLS.
 */
export function describeTlsError(error: Error & { readonly code?: string }, host: string): string | null {
  const { code = "", message } = error;
  switch (code) {
    case "CERT_HAS_EXPIRED":
      return `the certificate of ${host} has expired`;
    case "CERT_NOT_YET_VALID":
      return `the certificate of ${host} is not valid yet: is the clock of this machine right?`;
    case "ERR_TLS_CERT_ALTNAME_INVALID": {
      const names = /altnames: (DNS:.*|IP Address:.*)$/.exec(message)?.[1];
      return `the certificate is not for ${host}, the host in SMTP_URL${names ? `, but for ${names}` : ""}`;
    }
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
    case "UNABLE_TO_GET_ISSUER_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
      return `the certificate of ${host} is not signed by a known authority: SMTP_CA_FILE names a file with yours`;
    case "ERR_SSL_WRONG_VERSION_NUMBER":
      return "the server does not speak TLS from the first byte on this port: SMTP_URL should start with smtp://";
    default:
      return /SSL|TLS|CERT/i.test(code) ? `the TLS handshake failed: ${message}` : null;
  }
}
