import type { Brand } from "../src/config.ts";
import type { Locale } from "../src/mail/kinds.ts";
import type { EmailProps, EmailTemplate } from "../src/mail/mailer.ts";
import { formatDuration } from "./format.ts";
import { Action, Greeting, Layout, Paragraph } from "./layout.tsx";
import { SAMPLE_NAME, sampleLink } from "./sample-words.ts";

const FIELDS = ["name", "link", "duration"] as const;
type Field = (typeof FIELDS)[number];
type Words = Readonly<Record<Field, string>>;

const en = {
  subject: (brand: Brand) => `Confirm your address for ${brand.name}`,
  preview: (w: Words) => `Confirm that this address is yours. The link expires after ${w.duration}.`,
  heading: "Confirm your address",
  lead: (brand: Brand) =>
    `Someone used this address for an account at ${brand.name}. If it was you, confirm that it is yours:`,
  action: "Confirm my address",
  lifetime: (w: Words) => `The link works once and expires after ${w.duration}.`,
  notYou: "If it was not you, you can ignore this mail: the address stays unconfirmed.",
};

const ptBR: typeof en = {
  subject: (brand) => `Confirme seu e-mail no ${brand.name}`,
  preview: (w) => `Confirme que este endereço é seu. O link expira em ${w.duration}.`,
  heading: "Confirme seu e-mail",
  lead: (brand) => `Alguém usou este endereço para uma conta no ${brand.name}. Se foi você, confirme que ele é seu:`,
  action: "Confirmar meu e-mail",
  lifetime: (w) => `O link funciona uma única vez e expira em ${w.duration}.`,
  notYou: "Se não foi você, pode ignorar este e-mail: o endereço continua sem confirmação.",
};

const copy: Record<Locale, typeof en> = { en, "pt-BR": ptBR };

function EmailVerification({ locale, brand, words }: EmailProps<Field>) {
  const c = copy[locale];
  return (
    <Layout locale={locale} brand={brand} preview={c.preview(words)} heading={c.heading}>
      <Greeting locale={locale} name={words.name} />
      <Paragraph>{c.lead(brand)}</Paragraph>
      <Action locale={locale} brand={brand} href={words.link} label={c.action} />
      <Paragraph>{c.lifetime(words)}</Paragraph>
      <Paragraph>{c.notYou}</Paragraph>
    </Layout>
  );
}

export const emailVerificationEmail: EmailTemplate<Field> = {
  version: 2,
  fields: FIELDS,
  subject: (locale, brand) => copy[locale].subject(brand),
  element: EmailVerification,
  previewWords: (locale) => ({
    name: SAMPLE_NAME,
    link: sampleLink("confirm_email", "token"),
    duration: formatDuration(24 * 3_600, locale),
  }),
};
