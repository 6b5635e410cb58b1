/** For a registration with an address that has an account: its owner learns of it, the caller does not. */
import type { Brand } from "../src/config.ts";
import { Action, Facts, Greeting, Paragraph } from "./layout.tsx";
import { SAMPLE_NAME, SAMPLE_SITE, sampleClient, sampleMoment } from "./sample-words.ts";
import { createTemplate } from "./template.tsx";

const FIELDS = ["name", "resetUrl", "ip", "browser", "requestedAt"] as const;
type Field = (typeof FIELDS)[number];
type Words = Readonly<Record<Field, string>>;

const en = {
  subject: (brand: Brand) => `You already have a ${brand.name} account`,
  preview: () => "Someone tried to create an account with your email address. Nothing has changed.",
  heading: "You already have an account",
  lead: (brand: Brand) =>
    `Someone tried to create a ${brand.name} account with this email address, which already has one. No second account was created, and yours has not changed.`,
  facts: (w: Words) => `Tried on ${w.requestedAt}, from ${w.ip}, with ${w.browser}.`,
  you: "If it was you, log in as usual. If you forgot your password, choose a new one:",
  action: "Choose a new password",
  notYou:
    "If it wasn't you, you don't need to do anything. The person who tried was not told that you have an account.",
};

const ptBR: typeof en = {
  subject: (brand) => `Você já tem uma conta ${brand.name}`,
  preview: () => "Alguém tentou se cadastrar com o seu e-mail. Nada mudou.",
  heading: "Você já tem uma conta",
  lead: (brand) =>
    `Alguém tentou criar uma conta ${brand.name} com este e-mail, que já tem uma. Nenhuma outra conta foi criada, e a sua continua como estava.`,
  facts: (w) => `Tentativa em ${w.requestedAt}, a partir de ${w.ip}, com ${w.browser}.`,
  you: "Se foi você, entre como de costume. Se esqueceu a senha, escolha uma nova:",
  action: "Escolher nova senha",
  notYou: "Se não foi você, não é preciso fazer nada. Quem tentou não ficou sabendo que você tem uma conta.",
};

export const registrationDuplicateEmail = createTemplate<Field, typeof en>({
  version: 4,
  fields: FIELDS,
  copy: { en, "pt-BR": ptBR },
  body: (c, { locale, brand, words }) => (
    <>
      <Greeting locale={locale} name={words.name} />
      <Paragraph>{c.lead(brand)}</Paragraph>
      <Facts>{c.facts(words)}</Facts>
      <Paragraph>{c.you}</Paragraph>
      <Action locale={locale} brand={brand} href={words.resetUrl} label={c.action} />
      <Paragraph>{c.notYou}</Paragraph>
    </>
  ),
  previewWords: (locale) => ({
    name: SAMPLE_NAME,
    resetUrl: `${SAMPLE_SITE}/reset_password`,
    requestedAt: sampleMoment(locale),
    ...sampleClient(locale),
  }),
});
