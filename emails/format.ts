/** Words for values, in the letter's language. Pure. */
import type { Locale } from "../src/mail/kinds.ts";

/** 600 -> "10 minutes", 259200 -> "3 days": the largest unit that is whole. */
export function formatDuration(seconds: number, locale: Locale): string {
  const units = [
    ["day", 86_400],
    ["hour", 3_600],
    ["minute", 60],
  ] as const;
  const [unit, length] = units.find(([, size]) => seconds >= size && seconds % size === 0) ?? (["minute", 60] as const);
  const key = `${locale} ${unit}`;
  let format = durations.get(key);
  if (!format) durations.set(key, (format = new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "long" })));
  return format.format(Math.round(seconds / length));
}

/** Made once: a formatter costs more than a letter. */
const durations = new Map<string, Intl.NumberFormat>();
const momentFormat = (locale: string): Intl.DateTimeFormat =>
  new Intl.DateTimeFormat(locale, { dateStyle: "long", timeStyle: "short", timeZone: "UTC" });
const MOMENTS: Record<Locale, Intl.DateTimeFormat> = { en: momentFormat("en-GB"), "pt-BR": momentFormat("pt-BR") };

/** "25 November 2026 at 14:03 UTC": the one time zone that means the same to everybody. */
export function formatMoment(date: Date, locale: Locale): string {
  return `${MOMENTS[locale].format(date)} UTC`;
}

export const formatAddress = (ip: string | null, locale: Locale): string => ip ?? UNKNOWN_ADDRESS[locale];
export const formatBrowser = (browser: string | null, locale: Locale): string => browser ?? UNKNOWN_BROWSER[locale];

const UNKNOWN_ADDRESS: Record<Locale, string> = { en: "an unknown address", "pt-BR": "um endereço desconhecido" };
const UNKNOWN_BROWSER: Record<Locale, string> = { en: "an unknown browser", "pt-BR": "um navegador desconhecido" };

/** How a password came to change. */
export function formatWay(way: string, locale: Locale): string {
  return WAYS[locale][way] ?? WAYS[locale]["owner"] ?? "";
}

const WAYS: Record<Locale, Record<string, string>> = {
  en: {
    link: "with the link of a reset mail",
    owner: "by somebody who was logged in and knew the old one",
    superuser: "by an administrator",
    invitation: "with the link of your invitation",
  },
  "pt-BR": {
    link: "pelo link de um e-mail de redefinição",
    owner: "por alguém que estava com a sessão aberta e sabia a senha antiga",
    superuser: "por um administrador",
    invitation: "pelo link do seu convite",
  },
};
