/** To the old and to the new address, when an administrator has changed it. */
import type { Brand } from "../src/config.ts";
import { Action, Facts, Greeting, Literal, Paragraph } from "./layout.tsx";
import { SAMPLE_NAME, SAMPLE_SITE, sampleMoment } from "./sample-words.ts";
import { createTemplate } from "./template.tsx";

const FIELDS = ["name", "username", "oldAddressMasked", "newAddressMasked", "changedAt", "resetUrl"] as const;
type Field = (typeof FIELDS)[number];
type Words = Readonly<Record<Field, string>>;

const en = {
  subject: (brand: Brand) => `The email address of your ${brand.name} account was changed`,
  preview: (w: Words) => `From ${w.oldAddressMasked} to ${w.newAddressMasked}, by an administrator.`,
  heading: "Your email address was changed",
  lead: (brand: Brand, w: Words) => (
    <>
      An administrator changed the email address of the {brand.name} account <Literal>{w.username}</Literal>. You have
      been logged out on all devices. All emails about the account now go to the new address.
    </>
  ),
  facts: (w: Words) => `From ${w.oldAddressMasked} to ${w.newAddressMasked}, on ${w.changedAt}.`,
  you: "If you asked for this, log in as usual, with your username or the new address. If you don't know your password, choose a new one:",
  action: "Choose a new password",
  notYou: "If you didn't ask for this, tell an administrator now.",
};

const ptBR: typeof en = {
  subject: (brand) => `O e-mail da sua conta ${brand.name} foi alterado`,
  preview: (w) => `De ${w.oldAddressMasked} para ${w.newAddressMasked}, por um administrador.`,
  heading: "Seu e-mail foi alterado",
  lead: (brand, w) => (
    <>
      Um administrador alterou o e-mail da conta {brand.name} <Literal>{w.username}</Literal>. As sessões em todos os
      dispositivos foram encerradas. Todos os e-mails sobre a conta passam a ir para o novo endereço.
    </>
  ),
  facts: (w) => `De ${w.oldAddressMasked} para ${w.newAddressMasked}, em ${w.changedAt}.`,
  you: "Se você pediu a mudança, entre como sempre, com seu nome de usuário ou com o novo e-mail. Se não souber a senha, escolha uma nova:",
  action: "Escolher nova senha",
  notYou: "Se você não pediu a mudança, avise um administrador agora.",
};

export const emailChangedEmail = createTemplate<Field, typeof en>({
  version: 1,
  fields: FIELDS,
  copy: { en, "pt-BR": ptBR },
  body: (c, { locale, brand, words }) => (
    <>
      <Greeting locale={locale} name={words.name} />
      <Paragraph>{c.lead(brand, words)}</Paragraph>
      <Facts>{c.facts(words)}</Facts>
      <Paragraph>{c.you}</Paragraph>
      <Action locale={locale} brand={brand} href={words.resetUrl} label={c.action} />
      <Paragraph>{c.notYou}</Paragraph>
    </>
  ),
  previewWords: (locale) => ({
    name: SAMPLE_NAME,
    username: "pam-beesly",
    oldAddressMasked: "p…@old.example.com",
    newAddressMasked: "p…@example.com",
    resetUrl: `${SAMPLE_SITE}/reset_password`,
    changedAt: sampleMoment(locale),
  }),
});
