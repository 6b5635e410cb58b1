import type { Brand } from "../src/config.ts";
import { Action, Greeting, Literal, Paragraph } from "./layout.tsx";
import { SAMPLE_NAME, SAMPLE_SITE } from "./sample-words.ts";
import { createTemplate } from "./template.tsx";

const FIELDS = ["name", "username", "signInUrl"] as const;
type Field = (typeof FIELDS)[number];
type Words = Readonly<Record<Field, string>>;

const en = {
  subject: (brand: Brand) => `Your ${brand.name} account is ready`,
  preview: (w: Words) => `Your username is ${w.username}.`,
  heading: (brand: Brand) => `Welcome to ${brand.name}`,
  lead: (brand: Brand, w: Words) => (
    <>
      Your {brand.name} account is ready. Log in with the username <Literal>{w.username}</Literal> or with this email
      address, and with the password that you were given:
    </>
  ),
  action: (brand: Brand) => (brand.appUrl ? "Log in" : `Open ${brand.name}`),
  advice: "After you have logged in, change your password: the person who gave it to you knows it too.",
};

const ptBR: typeof en = {
  subject: (brand) => `Sua conta ${brand.name} está pronta`,
  preview: (w) => `Seu nome de usuário é ${w.username}.`,
  heading: () => "Boas-vindas!",
  lead: (brand, w) => (
    <>
      Sua conta {brand.name} está pronta. Entre com o nome de usuário <Literal>{w.username}</Literal> ou com este
      e-mail, e com a senha que você recebeu:
    </>
  ),
  action: (brand) => (brand.appUrl ? "Entrar" : "Abrir o site"),
  advice: "Depois de entrar, troque a senha: quem a passou para você também a conhece.",
};

export const welcomeEmail = createTemplate<Field, typeof en>({
  version: 5,
  fields: FIELDS,
  copy: { en, "pt-BR": ptBR },
  body: (c, { locale, brand, words }) => (
    <>
      <Greeting locale={locale} name={words.name} />
      <Paragraph>{c.lead(brand, words)}</Paragraph>
      <Action locale={locale} brand={brand} href={words.signInUrl} label={c.action(brand)} />
      <Paragraph>{c.advice}</Paragraph>
    </>
  ),
  previewWords: () => ({ name: SAMPLE_NAME, username: "pam-beesly", signInUrl: `${SAMPLE_SITE}/` }),
});
