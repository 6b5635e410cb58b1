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
  subject: (brand: Brand) => `Confirm your email address for ${brand.name}`,
  preview: (w: Words) => `Confirm that this email address is yours. The link expires in ${w.duration}.`,
  heading: "Confirm your email address",
  lead: (brand: Brand) =>
    `This email address was used for a ${brand.name} account. If it was you, confirm that the address is yours:`,
  action: "Confirm my address",
  lifetime: (w: Words) => `The link works once and expires in ${w.duration}.`,
  notYou: "If it wasn't you, you can ignore this email. The address stays unconfirmed.",
};

const ptBR: typeof en = {
  subject: (brand) => `Confirme o e-mail da sua conta ${brand.name}`,
  preview: (w) => `Confirme que este e-mail é seu. O link expira em ${w.duration}.`,
  heading: "Confirme seu e-mail",
  lead: (brand) => `Este e-mail foi usado em uma conta ${brand.name}. Se foi você, confirme que ele é seu:`,
  action: "Confirmar meu e-mail",
  lifetime: (w) => `O link funciona uma única vez e expira em ${w.duration}.`,
  notYou: "Se não foi você, pode ignorar este e-mail. O endereço continua sem confirmação.",
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
  version: 3,
  fields: FIELDS,
  subject: (locale, brand) => copy[locale].subject(brand),
  element: EmailVerification,
  previewWords: (locale) => ({
    name: SAMPLE_NAME,
    link: sampleLink("confirm_email", "token"),
    duration: formatDuration(24 * 3_600, locale),
  }),
};
