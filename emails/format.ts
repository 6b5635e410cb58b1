/** Words for values, in the email's language. Pure. */
import type { Locale } from "../src/mail/kinds.ts";

/** 600 -> "10 minutes", 259200 -> "3 days": the largest unit that is whole. A part of a minute is not promised. */
export function formatDuration(seconds: number, locale: Locale): string {
  const units = [
    ["day", 86_400],
    ["hour", 3_600],
    ["minute", 60],
  ] as const;
  const [unit, length] = units.find(([, size]) => seconds >= size && seconds % size === 0) ?? (["minute", 60] as const);
  const key = `${locale} ${unit}`;
  let format = durations.get(key);
  if (!format)
    durations.set(key, (format = new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "long" })));
  return format.format(Math.floor(seconds / length));
}

/** Made once: a formatter costs more than an email. */
const durations = new Map<string, Intl.NumberFormat>();
const moments = new Map<string, Intl.DateTimeFormat>();

/**
 * "25 November 2026 at 14:03 UTC", "25 de novembro de 2026 às 11:03 GMT-3".
 * @param timeZone of the IANA database; nothing is known of the reader's own.
 */
export function formatMoment(date: Date, locale: Locale, timeZone: string): string {
  const key = `${locale} ${timeZone}`;
  let format = moments.get(key);
  if (!format) {
    const tag = locale === "en" ? "en-GB" : locale;
    const shape = { day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit" } as const;
    moments.set(key, (format = new Intl.DateTimeFormat(tag, { ...shape, timeZone, timeZoneName: "short" })));
  }
  return format.format(date);
}

/**
 * A name as an email may say it. The client that registers chooses it, and the address that the email goes to: without the
 * space that follows every dot, slash, colon and at sign, "win.example.com" would be a link in our email.
 */
export const formatName = (name: string): string => name.replace(/[.:/@\u3002\uff0e\uff61](?=[^\s.])/g, "$& ");

export const formatAddress = (ip: string | null, locale: Locale): string => ip ?? UNKNOWN_ADDRESS[locale];

/** @param browser a family of `browserFamily`. */
export function formatBrowser(browser: string | null, locale: Locale): string {
  if (browser === null) return UNKNOWN_BROWSER[locale];
  return browser === "a script" ? A_SCRIPT[locale] : browser;
}

const UNKNOWN_ADDRESS: Record<Locale, string> = { en: "an unknown address", "pt-BR": "um endereço desconhecido" };
const UNKNOWN_BROWSER: Record<Locale, string> = { en: "an unknown browser", "pt-BR": "um navegador desconhecido" };
const A_SCRIPT: Record<Locale, string> = { en: "a script", "pt-BR": "um script" };

/** How a password came to change. Of a way that is not known it says so: a wrong one would mislead its owner. */
export function formatWay(way: string, locale: Locale): string {
  const ways = WAYS[locale];
  return Object.hasOwn(ways, way) ? ways[way as keyof typeof ways] : ways.unknown;
}

const en = {
  link: "with a link that we sent you",
  owner: "by someone who was logged in and knew the old password",
  superuser: "by an administrator",
  invitation: "with the link of your invitation",
  unknown: "in a way that we did not record",
};

const WAYS: Record<Locale, typeof en> = {
  en,
  "pt-BR": {
    link: "com um link que enviamos por e-mail",
    owner: "por alguém que estava com a sessão aberta e sabia a senha antiga",
    superuser: "por um administrador",
    invitation: "com o link do seu convite",
    unknown: "de um modo que não registramos",
  },
};

/** What happened to superusers: the words before their usernames. */
export function formatSuperuserChange(change: string, locale: Locale): string {
  const changes = SUPERUSER_CHANGES[locale];
  return Object.hasOwn(changes, change) ? changes[change as keyof typeof changes] : changes.unknown;
}

/** Who acts at the command line, where there is no account. */
export const formatOperator = (locale: Locale): string =>
  locale === "en" ? "an operator at the command line" : "um operador na linha de comando";

const enChanges = {
  made: "New superuser",
  removed: "No longer a superuser",
  disabled: "Superuser account disabled",
  enabled: "Superuser account enabled again",
  deleted: "Superuser account deleted",
  unknown: "Superuser account changed",
};

const SUPERUSER_CHANGES: Record<Locale, typeof enChanges> = {
  en: enChanges,
  "pt-BR": {
    made: "Novo superusuário",
    removed: "Não é mais superusuário",
    disabled: "Conta de superusuário desativada",
    enabled: "Conta de superusuário reativada",
    deleted: "Conta de superusuário excluída",
    unknown: "Conta de superusuário alterada",
  },
};
