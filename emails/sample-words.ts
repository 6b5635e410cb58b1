/** What the templates' preview words have in common. */
import type { Brand } from "../src/config.ts";
import type { Locale } from "../src/mail/kinds.ts";
import { formatAddress, formatBrowser, formatMoment, formatName } from "./format.ts";

export const SAMPLE_BRAND: Brand = {
  name: "Dundie",
  color: "#1f5eff",
  logoUrl: null,
  supportAddress: "help@dm.com",
  appUrl: null,
};

export const SAMPLE_SITE = "https://dundie.example";
export const SAMPLE_NAME = formatName("Pam Beesly");

/** A link as long as a real one. @param parameter the token's name in the query. */
export const sampleLink = (path: string, parameter: string): string =>
  `${SAMPLE_SITE}/${path}?${parameter}=kH3vPz0Yw2mQXf7eJr1uTnB5cGdLs9aVxIoE4RyWq8M`;

export const sampleMoment = (locale: Locale): string => formatMoment(new Date("2026-11-25T14:03:00Z"), locale, "UTC");

export const sampleClient = (locale: Locale): Record<"ip" | "browser", string> => ({
  ip: formatAddress("203.0.113.7", locale),
  browser: formatBrowser("Firefox", locale),
});
