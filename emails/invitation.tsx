import type { Brand } from "../src/config.ts";
import type { Locale } from "../src/mail/kinds.ts";
import type { EmailProps, EmailTemplate } from "../src/mail/mailer.ts";
import { formatDuration, formatName } from "./format.ts";
import { Action, Greeting, Layout, Literal, Paragraph } from "./layout.tsx";
import { SAMPLE_NAME, sampleLink } from "./sample-words.ts";

const FIELDS = ["name", "link", "duration", "username", "inviter"] as const;
type Field = (typeof FIELDS)[number];
type Words = Readonly<Record<Field, string>>;

const en = {
  subject: (brand: Brand) => `Your invitation to ${brand.name}`,
  preview: (w: Words) => `${w.inviter} has created an account for you. Choose a password, and it is yours.`,
  heading: (brand: Brand) => `Welcome to ${brand.name}`,
  lead: (w: Words) => (
    <>
      {w.inviter} has created an account for you. Your username is <Literal>{w.username}</Literal>. Choose a password,
      and the account is yours:
    </>
  ),
  action: "Choose a password",
  lifetime: (w: Words) =>
    `The link works once and expires after ${w.duration}. Using it also confirms that this address is yours. If it has expired, the same page mails you a new one.`,
  notYou: "If you did not expect this, you can ignore this mail: without a password nobody can log in.",
};

const ptBR: typeof en = {
  subject: (brand) => `Seu convite para o ${brand.name}`,
  preview: (w) => `${w.inviter} criou uma conta para você. Escolha uma senha para começar a usá-la.`,
  heading: (brand) => `Boas-vindas ao ${brand.name}`,
  lead: (w) => (
    <>
      {w.inviter} criou uma conta para você. Seu nome de usuário é <Literal>{w.username}</Literal>. Escolha uma senha
      para começar a usá-la:
    </>
  ),
  action: "Escolher uma senha",
  lifetime: (w) =>
    `O link funciona uma única vez e expira em ${w.duration}. Ao usá-lo, você também confirma que este e-mail é seu. Se ele expirar, a mesma página envia outro.`,
  notYou: "Se você não esperava este convite, pode ignorar este e-mail: sem senha, ninguém consegue entrar.",
};

const copy: Record<Locale, typeof en> = { en, "pt-BR": ptBR };

function Invitation({ locale, brand, words }: EmailProps<Field>) {
  const c = copy[locale];
  return (
    <Layout locale={locale} brand={brand} preview={c.preview(words)} heading={c.heading(brand)}>
      <Greeting locale={locale} name={words.name} />
      <Paragraph>{c.lead(words)}</Paragraph>
      <Action locale={locale} brand={brand} href={words.link} label={c.action} />
      <Paragraph>{c.lifetime(words)}</Paragraph>
      <Paragraph>{c.notYou}</Paragraph>
    </Layout>
  );
}

export const invitationEmail: EmailTemplate<Field> = {
  version: 3,
  fields: FIELDS,
  subject: (locale, brand) => copy[locale].subject(brand),
  element: Invitation,
  previewWords: (locale) => ({
    name: SAMPLE_NAME,
    link: sampleLink("reset_password", "pwd_reset_token"),
    duration: formatDuration(72 * 3_600, locale),
    username: "pam-beesly",
    inviter: formatName("Michael Scott"),
  }),
};
