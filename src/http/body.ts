/** Reads a body as the route takes it: JSON or a form, in UTF-8, of a bounded size. */
import { UnreadableBody } from "../errors.ts";

/** For all routes that do not say otherwise: the largest of their bodies is a profile of at most 26 KiB. */
const DEFAULT_BODY_BYTES = 64 * 1024;

/** @throws {UnreadableBody} */
export function tooLarge(maxBytes = DEFAULT_BODY_BYTES): never {
  throw new UnreadableBody(`The body is larger than ${maxBytes} bytes.`, "body-too-large");
}

const MEDIA_TYPES = {
  json: ["application/json"],
  form: ["application/x-www-form-urlencoded", "multipart/form-data"],
} as const;

/** Judges the body by its declared length only, which may be absent; `readBody` counts what arrives. */
export const saysTooLarge = ({ headers }: Request, maxBytes = DEFAULT_BODY_BYTES): boolean =>
  Number(headers.get("content-length") ?? 0) > maxBytes;

/** A request that did not cross a socket (`app.handle`) has neither of the two headers. */
function hasBody(request: Request): boolean {
  const length = request.headers.get("content-length");
  if (request.headers.has("transfer-encoding")) return true;
  return length === null ? request.body !== null : Number(length) > 0;
}

/**
 * A body must say what it is, so that no form and no `text/plain` that another site's page posts reaches a JSON route
 * (R15). Another charset than UTF-8 and a compressed body are refused (RFC 8259 §8.1, RFC 9110 §15.5.16).
 * @throws {UnreadableBody}
 */
export function requireMediaType(request: Request, kind: "json" | "form"): void {
  if (!hasBody(request)) return;
  const refuse = (detail: string): never => {
    throw new UnreadableBody(detail, "unsupported-media-type");
  };
  const header = request.headers.get("content-type") ?? "";
  const type = header.split(";")[0]?.trim().toLowerCase() ?? "";
  const accepted: readonly string[] = MEDIA_TYPES[kind];
  if (!accepted.includes(type)) refuse(`Send a body of the type ${accepted.join(" or ")}.`);
  const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(header)?.[1];
  if (charset !== undefined && !/^utf-?8$/i.test(charset)) refuse("Send the body in UTF-8.");
  const encoding = request.headers.get("content-encoding") ?? "identity";
  if (encoding.trim().toLowerCase() !== "identity") refuse("Send the body without a content encoding.");
}

/**
 * An absent body reads as an empty object: the schema then names the fields that are missing.
 * @throws {UnreadableBody}
 */
export async function readBody(
  request: Request,
  kind: "json" | "form",
  maxBytes = DEFAULT_BODY_BYTES,
): Promise<object> {
  if (!hasBody(request)) return {};
  const bytes = await bytesOf(request, maxBytes);
  if (bytes.length === 0) return {};
  const text = textOf(bytes);
  if (kind === "json") return jsonOf(text);
  const type = request.headers.get("content-type") ?? "";
  return type.toLowerCase().startsWith("multipart/") ? await multipartOf(bytes, type) : urlencodedOf(text);
}

/** A chunked body has no length: it is counted while it is read. */
async function bytesOf(request: Request, maxBytes: number): Promise<Uint8Array> {
  if (!request.headers.has("transfer-encoding")) {
    const bytes = await request.bytes();
    return bytes.length > maxBytes ? tooLarge(maxBytes) : bytes;
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.length;
    if (size > maxBytes) tooLarge(maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/**
 * Replacing wrong bytes would store another name than the one that was sent, and would make all wrong bytes of a password
 * equal. A byte order mark is skipped (RFC 8259 §8.1, RFC 3629 §3).
 */
function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return malformed("The body is not UTF-8.");
  }
}

function jsonOf(text: string): object {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return malformed("The body is not well-formed JSON.");
  }
  // Any other value fits no route. It is passed on for the schema to say so.
  return value as object;
}

/** A name that comes twice becomes a list, which no schema takes (RFC 6749 §3.2). */
function objectOf(entries: Iterable<readonly [string, unknown]>): object {
  const fields = Object.create(null) as Record<string, unknown>;
  for (const [name, value] of entries) {
    const before = fields[name];
    fields[name] = before === undefined ? value : [before, value].flat();
  }
  return fields;
}

/** The URL standard decodes percent-encoded bytes that are not UTF-8 to U+FFFD: those are refused first. */
function urlencodedOf(text: string): object {
  try {
    decodeURIComponent(text.replace(/%(?![0-9a-f]{2})/gi, "%25"));
  } catch {
    return malformed("The form is not UTF-8.");
  }
  return objectOf(new URLSearchParams(text));
}

async function multipartOf(bytes: Uint8Array, type: string): Promise<object> {
  const form = await new Response(bytes as Uint8Array<ArrayBuffer>, { headers: { "content-type": type } })
    .formData()
    .catch(() => malformed("The form is not well-formed multipart/form-data."));
  return objectOf(form);
}

function malformed(detail: string): never {
  throw new UnreadableBody(detail, "malformed-body");
}
