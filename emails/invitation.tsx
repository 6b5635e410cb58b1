import type { Brand } from "../src/config.ts";
import { formatDuration, formatName } from "./format.ts";
import { Literal } from "./layout.tsx";
import { SAMPLE_NAME, sampleLink } from "./sample-words.ts";
import { createTemplate, linkBody } from "./template.tsx";

const FIELDS = ["name", "link", "duration", "username", "inviter"] as const;
type Field = (typeof FIELDS)[number];
type Words = Readonly<Record<Field, string>>;

const en = {
  subject: (brand: Brand) => `You're invited to ${brand.name}`,
  preview: (w: Words) => `${w.inviter} created an account for you. Choose a password to start using it.`,
  heading: (brand: Brand) => `Welcome to ${brand.name}`,
  lead: (brand: Brand, w: Words) => (
    <>
      {w.inviter} created a {brand.name} account for you. Your username is <Literal>{w.username}</Literal>. Choose a
      password to start using your account:
    </>
  ),
  action: "Choose a password",
  lifetime: (w: Words) =>
    `The link works once and expires in ${w.duration}. Using it also confirms your email address. If it has expired, its page can send you a new one.`,
  notYou:
    "If you didn't expect this invitation, you can ignore this email. The account cannot be used without a password.",
};

const ptBR: typeof en = {
  subject: (brand) => `Convite para a sua conta ${brand.name}`,
  preview: (w) => `${w.inviter} criou uma conta para você. Escolha uma senha para começar a usá-la.`,
  heading: () => "Boas-vindas!",
  lead: (brand, w) => (
    <>
      {w.inviter} criou uma conta {brand.name} para você. Seu nome de usuário é <Literal>{w.username}</Literal>. Escolha
      uma senha para começar a usar sua conta:
    </>
  ),
  action: "Escolher uma senha",
  lifetime: (w) =>
    `O link funciona uma única vez e expira em ${w.duration}. Ao usá-lo, você também confirma seu e-mail. Se ele expirar, a própria página pode enviar outro.`,
  notYou: "Se você não esperava este convite, pode ignorar este e-mail. Sem senha, ninguém consegue entrar.",
};

export const invitationEmail = createTemplate<Field, typeof en>({
  version: 5,
  fields: FIELDS,
  copy: { en, "pt-BR": ptBR },
  body: linkBody,
  previewWords: (locale) => ({
    name: SAMPLE_NAME,
    link: sampleLink("reset_password", "pwd_reset_token"),
    duration: formatDuration(72 * 3_600, locale),
    username: "pam-beesly",
    inviter: formatName("Michael Scott"),
  }),
});
