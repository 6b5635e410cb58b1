/** What the page that completes a registration says, in the languages of the emails. Markup where it ends in `Html`. */
import type { Locale } from "../../mail/kinds.ts";

interface Words {
  readonly title: string;
  readonly leadHtml: (address: string, brand: string) => string;
  readonly name: string;
  readonly nameError: string;
  readonly username: string;
  readonly usernameHint: string;
  readonly usernameInvalid: string;
  readonly usernameTaken: (username: string) => string;
  readonly noUsernameOfName: string;
  readonly password: string;
  readonly repeat: string;
  readonly submit: string;
  readonly aside: string;
  readonly done: { readonly title: string; readonly leadHtml: (username: string, address: string) => string };
  readonly already: { readonly title: string; readonly leadHtml: (username: string, address: string) => string };
  readonly taken: { readonly title: string; readonly lead: string };
  readonly dead: { readonly title: string; readonly lead: string };
}

export const WORDS: Readonly<Record<Locale, Words>> = {
  en: {
    title: "Create your account",
    leadHtml: (address, brand) => `Your ${brand} account will have the email address <strong>${address}</strong>.`,
    name: "Name",
    nameError: "Enter your name, with at most 100 characters.",
    username: "Username (optional)",
    usernameHint:
      "Lower-case letters a to z, digits and single hyphens. If you leave it empty, we make one from your name.",
    usernameInvalid:
      "Use lower-case letters a to z, digits and single hyphens between them, such as pam-beesly. Some names are reserved.",
    usernameTaken: (username) => `The username ${username} is taken. Choose another one.`,
    noUsernameOfName: "We cannot make a username from this name. Choose one here.",
    password: "Password",
    repeat: "Repeat password",
    submit: "Create account",
    aside: "If you didn't ask for an account, close this page. No account will be created.",
    done: {
      title: "Your account is ready",
      leadHtml: (username, address) =>
        `Log in as <strong>${username}</strong> or as <strong>${address}</strong>, with the password you have just chosen.`,
    },
    already: {
      title: "Your account has already been created",
      leadHtml: (username, address) =>
        `The account <strong>${username}</strong> has the email address <strong>${address}</strong>.`,
    },
    taken: {
      title: "You already have an account",
      lead: "This email address already has an account, so nothing was changed. Log in to that account.",
    },
    dead: {
      title: "This link no longer works",
      lead: "It has expired, is incomplete, or another link has already created the account. If you don't have an account yet, sign up again to get a new link.",
    },
  },
  "pt-BR": {
    title: "Crie sua conta",
    leadHtml: (address, brand) => `Sua conta ${brand} terá o e-mail <strong>${address}</strong>.`,
    name: "Nome",
    nameError: "Informe seu nome, com no máximo 100 caracteres.",
    username: "Nome de usuário (opcional)",
    usernameHint:
      "Letras minúsculas de a a z, números e hifens simples. Se ficar em branco, criamos um a partir do seu nome.",
    usernameInvalid:
      "Use letras minúsculas de a a z, números e hifens simples entre eles, como pam-beesly. Alguns nomes são reservados.",
    usernameTaken: (username) => `O nome de usuário ${username} já está em uso. Escolha outro.`,
    noUsernameOfName: "Não é possível criar um nome de usuário a partir deste nome. Escolha um aqui.",
    password: "Senha",
    repeat: "Repita a senha",
    submit: "Criar conta",
    aside: "Se você não pediu uma conta, feche esta página. Nenhuma conta será criada.",
    done: {
      title: "Sua conta está pronta",
      leadHtml: (username, address) =>
        `Entre como <strong>${username}</strong> ou como <strong>${address}</strong>, com a senha que você acabou de escolher.`,
    },
    already: {
      title: "Sua conta já foi criada",
      leadHtml: (username, address) => `A conta <strong>${username}</strong> tem o e-mail <strong>${address}</strong>.`,
    },
    taken: {
      title: "Você já tem uma conta",
      lead: "Este e-mail já tem uma conta, então nada foi alterado. Entre nessa conta.",
    },
    dead: {
      title: "Este link não funciona mais",
      lead: "Ele expirou, está incompleto ou outro link já criou a conta. Se você ainda não tem uma conta, faça o cadastro de novo para receber um novo link.",
    },
  },
};
