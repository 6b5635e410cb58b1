/** What the reset page says, in the languages of the letters. Markup where it ends in `Html`, else plain text. */
import type { Locale } from "../../mail/kinds.ts";
import type { Weakness } from "../../errors.ts";

export interface Words {
  readonly choose: Readonly<Record<"reset" | "invitation", ChooseWords>>;
  readonly rules: { readonly length: (min: number) => string; readonly variety: string; readonly own: string };
  readonly advice: string;
  readonly show: string;
  readonly differ: string;
  readonly weak: (weakness: Weakness, min: number) => string;
  /** For the script; `#` is replaced by a number. */
  readonly live: {
    readonly count: (min: number) => string;
    readonly enough: string;
    readonly strength: readonly [tooEasy: string, fair: string, good: string, strong: string];
    readonly same: string;
    readonly differ: string;
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
        repeat: "Repeat the new password",
        leadHtml: (username, brand) => `For your ${brand} account <strong>${username}</strong>.`,
        submit: "Change the password",
        done: {
          title: "Your password is changed",
          leadHtml: (username) =>
            `All sessions of <strong>${username}</strong> were ended, on every device, so log in again with the new password.`,
          aside: "A mail that confirms the change is on its way to you.",
        },
      },
      invitation: {
        title: "Choose your password",
        password: "Password",
        repeat: "Repeat the password",
        leadHtml: (username, brand) =>
          `Welcome to ${brand}. You will log in with the username <strong>${username}</strong> and the password that you choose here.`,
        submit: "Set the password",
        done: {
          title: "Your account is ready",
          leadHtml: (username) => `Log in as <strong>${username}</strong> with the password that you have just chosen.`,
          aside: "A mail that confirms it is on its way to you.",
        },
      },
    },
    rules: {
      length: (min) => `At least ${min} characters`,
      variety: "At least 5 different ones",
      own: "Your name, username and address do not count",
    },
    advice: "A few words that do not belong together are hard to guess and easy to keep. Spaces are welcome.",
    show: "Show what I type",
    differ: "The two passwords differ.",
    weak: (weakness, min) => {
      switch (weakness.kind) {
        case "long":
          return "This password is too long to be taken.";
        case "short":
          return `This password has ${weakness.length} characters; at least ${min} are needed.`;
        case "repetitive":
          return "This password repeats the same few characters.";
        case "own_words":
          return `Your name, username and address do not count: without them ${weakness.length} characters are left; at least ${min} are needed.`;
        case "common":
          return "This password is among the most common ones: it is what an attacker tries first.";
      }
    },
    live: {
      count: (min) => `# of at least ${min} characters`,
      enough: "# characters",
      strength: ["too easy to guess", "fair", "good", "strong"],
      same: "The two are the same.",
      differ: "The two differ so far.",
    },
    ask: {
      title: "Reset your password",
      lead: "Give the e-mail address of your account, and we will mail you a link for choosing a new password. If you already have a link, open it again from the mail: this page does not keep it.",
      submit: "Mail me a link",
    },
    dead: {
      title: "This link no longer works",
      lead: "It has been used or replaced, has expired, or was cut on its way. Nothing is lost: ask for a new one here.",
      submit: "Mail me a new link",
    },
    address: "E-mail address",
    badAddress: "Give one e-mail address, such as name@example.com.",
    asked: {
      title: "Check your mail",
      lead: "If there is an account with that address, we have sent it a link for choosing a new password.",
      hint: (lifetime) => `The link works once and expires after ${lifetime}. No mail? Look in your spam folder, or`,
      again: "ask again",
    },
  },
  "pt-BR": {
    choose: {
      reset: {
        title: "Escolha uma nova senha",
        password: "Nova senha",
        repeat: "Repita a nova senha",
        leadHtml: (username, brand) => `Para a sua conta <strong>${username}</strong> no ${brand}.`,
        submit: "Alterar a senha",
        done: {
          title: "Sua senha foi alterada",
          leadHtml: (username) =>
            `Todas as sessões de <strong>${username}</strong> foram encerradas, em todos os dispositivos. Entre de novo com a nova senha.`,
          aside: "Um e-mail que confirma a alteração está a caminho.",
        },
      },
      invitation: {
        title: "Escolha sua senha",
        password: "Senha",
        repeat: "Repita a senha",
        leadHtml: (username, brand) =>
          `Boas-vindas ao ${brand}. Você vai entrar com o nome de usuário <strong>${username}</strong> e a senha que escolher aqui.`,
        submit: "Definir a senha",
        done: {
          title: "Sua conta está pronta",
          leadHtml: (username) => `Entre como <strong>${username}</strong> com a senha que acabou de escolher.`,
          aside: "Um e-mail de confirmação está a caminho.",
        },
      },
    },
    rules: {
      length: (min) => `Pelo menos ${min} caracteres`,
      variety: "Pelo menos 5 caracteres diferentes",
      own: "Seu nome, usuário e e-mail não contam",
    },
    advice:
      "Algumas palavras sem relação entre si são difíceis de adivinhar e fáceis de lembrar. Espaços são bem-vindos.",
    show: "Mostrar o que eu digito",
    differ: "As duas senhas são diferentes.",
    weak: (weakness, min) => {
      switch (weakness.kind) {
        case "long":
          return "Esta senha é longa demais.";
        case "short":
          return `Esta senha tem ${weakness.length} caracteres; são necessários pelo menos ${min}.`;
        case "repetitive":
          return "Esta senha repete sempre os mesmos caracteres.";
        case "own_words":
          return `Seu nome, usuário e e-mail não contam: sem eles restam ${weakness.length} caracteres; são necessários pelo menos ${min}.`;
        case "common":
          return "Esta senha está entre as mais comuns: é o que um invasor tenta primeiro.";
      }
    },
    live: {
      count: (min) => `# de pelo menos ${min} caracteres`,
      enough: "# caracteres",
      strength: ["fácil demais de adivinhar", "razoável", "boa", "forte"],
      same: "As duas são iguais.",
      differ: "Por enquanto, as duas são diferentes.",
    },
    ask: {
      title: "Redefina sua senha",
      lead: "Informe o e-mail da sua conta e enviaremos um link para escolher uma nova senha. Se você já tem um link, abra-o de novo a partir do e-mail: esta página não o guarda.",
      submit: "Enviar um link",
    },
    dead: {
      title: "Este link não funciona mais",
      lead: "Ele já foi usado ou substituído, expirou ou chegou incompleto. Nada se perdeu: peça um novo aqui.",
      submit: "Enviar um novo link",
    },
    address: "E-mail",
    badAddress: "Informe um endereço de e-mail, como nome@example.com.",
    asked: {
      title: "Confira seu e-mail",
      lead: "Se houver uma conta com esse endereço, enviamos a ele um link para escolher uma nova senha.",
      hint: (lifetime) =>
        `O link funciona uma única vez e expira em ${lifetime}. Não chegou? Procure na pasta de spam ou`,
      again: "peça de novo",
    },
  },
};
