import type { Brand } from "../src/config.ts";
import type { Locale } from "../src/mail/kinds.ts";
import type { EmailProps, EmailTemplate } from "../src/mail/mailer.ts";
import { formatDuration } from "./format.ts";
import { Action, Facts, Greeting, Layout, Paragraph } from "./layout.tsx";
import { SAMPLE_NAME, sampleClient, sampleLink, sampleMoment } from "./sample-words.ts";

const FIELDS = ["name", "link", "duration", "ip", "browser", "requestedAt"] as const;
type Field = (typeof FIELDS)[number];
type Words = Readonly<Record<Field, string>>;

const en = {
  subject: (brand: Brand) => `Reset your ${brand.name} password`,
  preview: (w: Words) => `Choose a new password with this link. It works once and expires in ${w.duration}.`,
  heading: "Reset your password",
  lead: (brand: Brand) =>
    `We received a request to reset the password of your ${brand.name} account. If it was you, choose a new password here:`,
  action: "Choose a new password",
  lifetime: (w: Words) => `The link works once and expires in ${w.duration}.`,
  facts: (w: Words) => `Requested on ${w.requestedAt}, from ${w.ip}, with ${w.browser}.`,
  notYou: "If it wasn't you, you can ignore this email. Your password stays the same.",
};

const ptBR: typeof en = {
  subject: (brand) => `Redefina a senha da sua conta ${brand.name}`,
  preview: (w) => `Escolha uma nova senha com este link. Ele funciona uma única vez e expira em ${w.duration}.`,
  heading: "Redefina sua senha",
  lead: (brand) =>
    `Recebemos um pedido para redefinir a senha da sua conta ${brand.name}. Se foi você, escolha uma nova senha aqui:`,
  action: "Escolher nova senha",
  lifetime: (w) => `O link funciona uma única vez e expira em ${w.duration}.`,
  facts: (w) => `Pedido feito em ${w.requestedAt}, a partir de ${w.ip}, com ${w.browser}.`,
  notYou: "Se não foi você, pode ignorar este e-mail. Sua senha continua a mesma.",
};

const copy: Record<Locale, typeof en> = { en, "pt-BR": ptBR };

function PasswordReset({ locale, brand, words }: EmailProps<Field>) {
  const c = copy[locale];
  return (
    <Layout locale={locale} brand={brand} preview={c.preview(words)} heading={c.heading}>
      <Greeting locale={locale} name={words.name} />
      <Paragraph>{c.lead(brand)}</Paragraph>
      <Action locale={locale} brand={brand} href={words.link} label={c.action} />
      <Paragraph>{c.lifetime(words)}</Paragraph>
      <Facts>{c.facts(words)}</Facts>
      <Paragraph>{c.notYou}</Paragraph>
    </Layout>
  );
}

export const passwordResetEmail: EmailTemplate<Field> = {
  version: 4,
  fields: FIELDS,
  subject: (locale, brand) => copy[locale].subject(brand),
  element: PasswordReset,
  previewWords: (locale) => ({
    name: SAMPLE_NAME,
    link: sampleLink("reset_password", "pwd_reset_token"),
    duration: formatDuration(600, locale),
    requestedAt: sampleMoment(locale),
    ...sampleClient(locale),
  }),
};
