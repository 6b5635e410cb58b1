import type { Brand } from "../src/config.ts";
import { formatWay } from "./format.ts";
import { Action, Facts, Greeting, Paragraph } from "./layout.tsx";
import { SAMPLE_NAME, SAMPLE_SITE, sampleClient, sampleMoment } from "./sample-words.ts";
import { createTemplate } from "./template.tsx";

const FIELDS = ["name", "way", "ip", "browser", "changedAt", "resetUrl"] as const;
type Field = (typeof FIELDS)[number];
type Words = Readonly<Record<Field, string>>;

const en = {
  subject: (brand: Brand) => `Your ${brand.name} password was changed`,
  preview: () => "If it was you, you don't need to do anything. If it wasn't, this email tells you what to do.",
  heading: "Your password was changed",
  lead: (brand: Brand, w: Words) =>
    `The password of your ${brand.name} account was changed ${w.way}. You have been logged out on all other devices.`,
  facts: (w: Words) => `Changed on ${w.changedAt}, from ${w.ip}, with ${w.browser}.`,
  you: "If it was you, you don't need to do anything.",
  notYou: "If it wasn't you, choose a new password now to take your account back:",
  action: "Choose a new password",
  after: (brand: Brand): string =>
    brand.supportAddress
      ? "The page asks for your email address and sends you a link. Then write to us, so that we can look into it."
      : "The page asks for your email address and sends you a link.",
};

const ptBR: typeof en = {
  subject: (brand) => `A senha da sua conta ${brand.name} foi alterada`,
  preview: () => "Se foi você, não é preciso fazer nada. Se não foi, veja aqui o que fazer.",
  heading: "Sua senha foi alterada",
  lead: (brand, w) =>
    `A senha da sua conta ${brand.name} foi alterada ${w.way}. As sessões em todos os outros dispositivos foram encerradas.`,
  facts: (w) => `Alterada em ${w.changedAt}, a partir de ${w.ip}, com ${w.browser}.`,
  you: "Se foi você, não é preciso fazer nada.",
  notYou: "Se não foi você, escolha uma nova senha agora para recuperar sua conta:",
  action: "Escolher nova senha",
  after: (brand) =>
    brand.supportAddress
      ? "A página pede seu e-mail e envia um link para ele. Depois, escreva para nós, para que possamos investigar."
      : "A página pede seu e-mail e envia um link para ele.",
};

export const passwordChangedEmail = createTemplate<Field, typeof en>({
  version: 4,
  fields: FIELDS,
  copy: { en, "pt-BR": ptBR },
  body: (c, { locale, brand, words }) => (
    <>
      <Greeting locale={locale} name={words.name} />
      <Paragraph>{c.lead(brand, words)}</Paragraph>
      <Facts>{c.facts(words)}</Facts>
      <Paragraph>{c.you}</Paragraph>
      <Paragraph>{c.notYou}</Paragraph>
      <Action locale={locale} brand={brand} href={words.resetUrl} label={c.action} />
      <Paragraph>{c.after(brand)}</Paragraph>
    </>
  ),
  previewWords: (locale) => ({
    name: SAMPLE_NAME,
    way: formatWay("owner", locale),
    resetUrl: `${SAMPLE_SITE}/reset_password`,
    changedAt: sampleMoment(locale),
    ...sampleClient(locale),
  }),
});
