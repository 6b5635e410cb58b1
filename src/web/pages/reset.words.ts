/** What the reset page says, in the languages of the emails. Markup where it ends in `Html`, else plain text. */
import type { Locale } from "../../mail/kinds.ts";
import type { Weakness } from "../../errors.ts";

export interface Words {
  readonly choose: Readonly<Record<"reset" | "invitation", ChooseWords>>;
  readonly rules: { readonly length: (min: number) => string; readonly variety: string; readonly own: string };
  readonly advice: string;
  readonly show: string;
  readonly differ: string;
  readonly weak: (weakness: Weakness, min: number) => string;
  /** What the script says; it replaces `#` by a number. */
  readonly live: {
    readonly count: (min: number) => string;
    /** Where words of the account are not counted. */
    readonly countOthers: (min: number) => string;
    readonly enough: string;
    readonly strength: readonly [tooEasy: string, fair: string, good: string, strong: string];
    readonly same: string;
    readonly differ: string;
    /** Before a rule, for screen readers. */
    readonly met: string;
    readonly unmet: string;
  };
  readonly ask: AskWords;
  readonly dead: AskWords;
  readonly address: string;
  readonly badAddress: string;
  readonly asked: {
    readonly title: string;
    readonly lead: string;
    readonly hint: (lifetime: string) => string;
    readonly again: string;
  };
}

interface ChooseWords {
  readonly title: string;
  readonly password: string;
  readonly repeat: string;
  readonly leadHtml: (username: string, brand: string) => string;
  readonly submit: string;
  readonly done: { readonly title: string; readonly leadHtml: (username: string) => string; readonly aside: string };
}

interface AskWords {
  readonly title: string;
  readonly lead: string;
  readonly submit: string;
}

export const WORDS: Readonly<Record<Locale, Words>> = {
  en: {
    choose: {
      reset: {
        title: "Choose a new password",
        password: "New password",
        repeat: "Repeat new password",
        leadHtml: (username, brand) => `For your ${brand} account <strong>${username}</strong>.`,
        submit: "Change password",
        done: {
          title: "Your password has been changed",
          leadHtml: (username) =>
            `You have been logged out on all devices. Log in as <strong>${username}</strong> with your new password.`,
          aside: "We are sending you an email to confirm the change.",
        },
      },
      invitation: {
        title: "Choose your password",
        password: "Password",
        repeat: "Repeat password",
        leadHtml: (username, brand) =>
          `Welcome to ${brand}. Your username is <strong>${username}</strong>. You need it and your password to log in.`,
        submit: "Set password",
        done: {
          title: "Your account is ready",
          leadHtml: (username) => `Log in as <strong>${username}</strong> with the password you have just chosen.`,
          aside: "We are sending you an email to confirm it.",
        },
      },
    },
    rules: {
      length: (min) => `At least ${min} characters`,
      variety: "At least 5 different characters",
      own: "Not counting your name, username or email address",
    },
    advice: "Tip: a few random words are easy to remember and hard to guess. Spaces are allowed.",
    show: "Show password",
    differ: "The passwords don't match.",
    weak: (weakness, min) => {
      switch (weakness.kind) {
        case "long":
          return "This password is too long. Choose a shorter one.";
        case "short":
          return `This password has ${characters(weakness.length)}. It needs at least ${min}.`;
        case "repetitive":
          return "This password repeats the same few characters. Use at least 5 different ones.";
        case "own_words":
          return `Your name, username and email address don't count. Without them this password has ${characters(weakness.length)}. It needs at least ${min}.`;
        case "common":
          return "This is one of the most common passwords, which attackers try first. Choose another one.";
      }
    },
    live: {
      count: (min) => `# of at least ${min} characters`,
      countOthers: (min) => `# of at least ${min} characters, not counting your name or username`,
      enough: "# characters",
      strength: ["too easy to guess", "fair", "good", "strong"],
      same: "Passwords match",
      differ: "Passwords don't match yet",
      met: "Met:",
      unmet: "Not met yet:",
    },
    ask: {
      title: "Reset your password",
      lead: "Enter the email address of your account. We will send you a link to choose a new password.",
      submit: "Send me a link",
    },
    dead: {
      title: "This link no longer works",
      lead: "It has already been used, was replaced by a newer one, has expired or is incomplete. You can get a new link here.",
      submit: "Send me a new link",
    },
    address: "Email address",
    badAddress: "Enter an email address, such as name@example.com.",
    asked: {
      title: "Check your email",
      lead: "If there is an account with this email address, we have sent it a link to choose a new password.",
      hint: (lifetime) =>
        `The link works once and expires in ${lifetime}. If you don't get an email, check your spam folder or`,
      again: "try again",
    },
  },
  "pt-BR": {
    choose: {
      reset: {
        title: "Escolha uma nova senha",
        password: "Nova senha",
        repeat: "Repita a nova senha",
        leadHtml: (username, brand) => `Para a sua conta ${brand}: <strong>${username}</strong>.`,
        submit: "Alterar senha",
        done: {
          title: "Sua senha foi alterada",
          leadHtml: (username) =>
            `Suas sessões foram encerradas em todos os dispositivos. Entre como <strong>${username}</strong> com a nova senha.`,
          aside: "Estamos enviando um e-mail para confirmar a alteração.",
        },
      },
      invitation: {
        title: "Escolha sua senha",
        password: "Senha",
        repeat: "Repita a senha",
        leadHtml: (username, brand) =>
          `Boas-vindas! O nome de usuário da sua conta ${brand} é <strong>${username}</strong>. Use-o com a sua senha para entrar.`,
        submit: "Definir senha",
        done: {
          title: "Sua conta está pronta",
          leadHtml: (username) => `Entre como <strong>${username}</strong> com a senha que você acabou de escolher.`,
          aside: "Estamos enviando um e-mail de confirmação.",
        },
      },
    },
    rules: {
      length: (min) => `Pelo menos ${min} caracteres`,
      variety: "Pelo menos 5 caracteres diferentes",
      own: "Sem contar seu nome, nome de usuário ou e-mail",
    },
    advice: "Dica: algumas palavras aleatórias são fáceis de lembrar e difíceis de adivinhar. Espaços são permitidos.",
    show: "Mostrar senha",
    differ: "As senhas não são iguais.",
    weak: (weakness, min) => {
      switch (weakness.kind) {
        case "long":
          return "Esta senha é longa demais. Escolha uma mais curta.";
        case "short":
          return `Esta senha tem ${caracteres(weakness.length)}. São necessários pelo menos ${min}.`;
        case "repetitive":
          return "Esta senha repete os mesmos poucos caracteres. Use pelo menos 5 diferentes.";
        case "own_words":
          return `Seu nome, nome de usuário e e-mail não contam. Sem eles, esta senha tem ${caracteres(weakness.length)}. São necessários pelo menos ${min}.`;
        case "common":
          return "Esta é uma das senhas mais comuns, que os invasores tentam primeiro. Escolha outra.";
      }
    },
    live: {
      count: (min) => `# de pelo menos ${min} caracteres`,
      countOthers: (min) => `# de pelo menos ${min} caracteres, sem contar seu nome ou nome de usuário`,
      enough: "# caracteres",
      strength: ["fácil demais de adivinhar", "razoável", "boa", "forte"],
      same: "As senhas são iguais",
      differ: "As senhas ainda não são iguais",
      met: "Atendido:",
      unmet: "Ainda não atendido:",
    },
    ask: {
      title: "Redefina sua senha",
      lead: "Informe o e-mail da sua conta. Enviaremos um link para escolher uma nova senha.",
      submit: "Enviar link",
    },
    dead: {
      title: "Este link não funciona mais",
      lead: "Ele já foi usado, foi substituído por um mais novo, expirou ou está incompleto. Você pode pedir um novo link aqui.",
      submit: "Enviar novo link",
    },
    address: "E-mail",
    badAddress: "Informe um e-mail, como nome@example.com.",
    asked: {
      title: "Confira seu e-mail",
      lead: "Se houver uma conta com esse e-mail, enviamos um link para escolher uma nova senha.",
      hint: (lifetime) =>
        `O link funciona uma única vez e expira em ${lifetime}. Se o e-mail não chegar, procure na pasta de spam ou`,
      again: "tente de novo",
    },
  },
};

function characters(count: number): string {
  return count === 1 ? "1 character" : `${count} characters`;
}

function caracteres(count: number): string {
  return count === 1 ? "1 caractere" : `${count} caracteres`;
}
