/** To the new address: it becomes the account's when this link is used. */
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
  subject: (brand: Brand) => `Confirm your new address for ${brand.name}`,
  preview: (w: Words) =>
    `Your account moves to this address once you confirm it. The link expires after ${w.duration}.`,
  heading: "Confirm your new address",
  lead: (brand: Brand) =>
    `You asked to use this address for your ${brand.name} account from now on. Confirm it to make the change:`,
  action: "Use this address",
  lifetime: (w: Words) =>
    `The link works once and expires after ${w.duration}. Nothing changes until you use it. Afterwards you will have to log in again, on every device.`,
  notYou: "If you did not ask for this, you can ignore this mail: someone may have mistyped an address.",
};

const ptBR: typeof en = {
  subject: (brand) => `Confirme seu novo e-mail no ${brand.name}`,
  preview: (w) => `Sua conta passa a usar este e-mail quando você confirmar. O link expira em ${w.duration}.`,
  heading: "Confirme seu novo e-mail",
  lead: (brand) =>
    `Você pediu para usar este endereço na sua conta do ${brand.name} de agora em diante. Confirme para fazer a mudança:`,
  action: "Usar este e-mail",
  lifetime: (w) =>
    `O link funciona uma única vez e expira em ${w.duration}. Nada muda até você usá-lo. Depois, será preciso entrar de novo em todos os dispositivos.`,
  notYou: "Se você não pediu isso, pode ignorar este e-mail: alguém pode ter digitado o endereço errado.",
};

const copy: Record<Locale, typeof en> = { en, "pt-BR": ptBR };

function EmailChangeConfirmation({ locale, brand, words }: EmailProps<Field>) {
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

export const emailChangeConfirmationEmail: EmailTemplate<Field> = {
  version: 2,
  fields: FIELDS,
  subject: (locale, brand) => copy[locale].subject(brand),
  element: EmailChangeConfirmation,
  previewWords: (locale) => ({
    name: SAMPLE_NAME,
    link: sampleLink("confirm_email", "token"),
    duration: formatDuration(3_600, locale),
  }),
};
