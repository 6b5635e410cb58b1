/** What the text of a variable means. A parser throws {@link Invalid} with the rest of a sentence: "must be …". */
import { readFileSync } from "node:fs";
import { normaliseAddress } from "../addresses.ts";

export type Parse<T> = (text: string) => T;

/** The message completes a sentence that begins with the variable's name. */
export class Invalid extends Error {
  override readonly name = "Invalid";
}

/** pino's. */
export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;

export interface Sender {
  /** The name as people see it; it may be empty. */
  readonly name: string;
  /** The address in ASCII, with the domain as A-labels (RFC 5890). */
  readonly address: string;
}

export const integer =
  (min: number, max: number): Parse<number> =>
  (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) {
      throw new Invalid(`must be a whole number from ${min} to ${max}, not ${quote(text)}`);
    }
    return value;
  };

export const oneOf =
  <const T extends string>(choices: readonly T[]): Parse<T> =>
  (text) => {
    const choice = choices.find((one) => one === text);
    if (choice === undefined) throw new Invalid(`must be one of ${choices.join(", ")}, not ${quote(text)}`);
    return choice;
  };

export const toggle: Parse<boolean> = (text) => oneOf(["on", "off"])(text) === "on";

/** Text on one line. */
export const line: Parse<string> = (text) => {
  if (/\p{Cc}/u.test(text)) throw new Invalid("must be one line, without control characters");
  return text;
};

/** A bearer token (RFC 6750 §2.1) that cannot be guessed: 16 characters have 96 bits when they are random. */
export const bearerToken: Parse<string> = (text) => {
  if (!/^[A-Za-z0-9._~+/-]{16,256}=*$/.test(text))
    throw new Invalid("must be 16 to 256 letters, digits and characters of ._~+/-");
  return text;
};

/** A part of the whole: 0 to 1. */
export const share: Parse<number> = (text) => {
  if (!/^(0|1|0?\.\d{1,6}|1\.0+|0\.0+)$/.test(text)) throw new Invalid(`must be from 0 to 1, not ${quote(text)}`);
  return Number(text);
};

export const days: Parse<number> = (text) => {
  if (!/^\d{1,4}d$/.test(text) || Number.parseInt(text, 10) === 0) {
    throw new Invalid(`must be a number of days such as 30d, not ${quote(text)}`);
  }
  return Number.parseInt(text, 10);
};

export const hexColor: Parse<string> = (text) => {
  if (!/^#[0-9a-f]{6}$/i.test(text)) throw new Invalid(`must look like #1f5eff, not ${quote(text)}`);
  return text;
};

/** Reads an HTTP URL. The result has no slash at its end, and its host is in ASCII. */
export const httpUrl: Parse<string> = (text) => {
  const url = URL.parse(text);
  if (!url || !/^https?:\/\//i.test(text) || url.username || url.password || url.search || url.hash) {
    throw new Invalid(`must be an http(s) URL without user, query or fragment, not ${quote(text)}`);
  }
  return url.href.replace(/\/+$/, "");
};

/**
 * Origins as browsers send them, separated by commas. Those of apps have a scheme of their own, such as
 * `capacitor://localhost`, for which the URL standard knows no origin.
 */
export const origins: Parse<readonly string[]> = (text) =>
  listOf(text).map((origin) => {
    const url = URL.parse(origin);
    const spelled = url && (url.origin === "null" ? `${url.protocol}//${url.host}` : url.origin);
    if (!url?.host || spelled !== origin) {
      const hint = url?.host
        ? `write ${spelled}, as browsers send it,`
        : "must list origins such as https://app.example.com,";
      throw new Invalid(`${hint} not ${quote(origin)}`);
    }
    return origin;
  });

export const emailAddress: Parse<string> = (text) => {
  const address = normaliseAddress(text);
  if (!address) throw new Invalid(`must be an email address such as help@example.com, not ${quote(text)}`);
  return address;
};

/** `Name <address>`, `"Name" <address>` or a bare address (RFC 5322 §3.4, one mailbox). */
export const sender: Parse<Sender> = (text) => {
  const [, quoted, plain = "", inAngles, bare] =
    /^(?:(?:"((?:[^"\\]|\\.)*)"|([^"<>@]*?))\s*<([^<>\s]+)>|([^<>\s"]+))$/u.exec(text.trim()) ?? [];
  const typed = inAngles ?? bare ?? "";
  const normalised = normaliseAddress(typed);
  const name = quoted?.replaceAll(/\\(.)/gu, "$1") ?? plain;
  if (!normalised || /\p{Cc}/u.test(name)) {
    throw new Invalid(`must be one sender such as "Name <address@example.com>", not ${quote(text)}`);
  }
  // The part before the @ keeps its case: only the domain has one spelling (RFC 5321 §2.4).
  return { name, address: `${typed.slice(0, typed.lastIndexOf("@"))}${normalised.slice(normalised.lastIndexOf("@"))}` };
};

/** A name of the IANA time zone database, such as America/Sao_Paulo. */
export const timeZone: Parse<string> = (text) => {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: text }).resolvedOptions().timeZone;
  } catch {
    throw new Invalid(`must be a time zone such as America/Sao_Paulo, not ${quote(text)}`);
  }
};

/** The path of a file with certificates in PEM: its content. */
export const certificates: Parse<string> = (path) => {
  let pem: string;
  try {
    pem = readFileSync(path, "utf8");
  } catch (cause) {
    throw new Invalid(`cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
  if (!/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/.test(pem)) {
    throw new Invalid(`must name a file with certificates in PEM, which ${path} does not hold`);
  }
  return pem;
};

export const listOf = (text: string): string[] =>
  text
    .split(",")
    .map((item) => item.trim())
    .filter(Boolean);

export const quote = (text: string): string => JSON.stringify(text);
