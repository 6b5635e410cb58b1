"""The chapter's design: BackgroundTasks, a look-up, a JWT, smtplib. With a route that does nothing beside it.

Run by uvicorn with one worker process, uvloop and httptools (Debian's packages).
"""
import os
import smtplib
from datetime import datetime, timedelta
from typing import Optional

from fastapi import BackgroundTasks, Body, FastAPI
from jose import jwt
from sqlmodel import Field, Session, SQLModel, create_engine, select

engine = create_engine(os.environ["DATABASE_URL"].replace("postgres://", "postgresql://", 1))
SECRET_KEY = "of the bench: long, and no secret to anybody"
RESET_TOKEN_EXPIRE_MINUTES = 10
PWD_RESET_URL = "http://localhost:8000/reset_password"
SENDER = "no-reply@dm.com"
ANSWER = {"message": "If we found a user with that email, we sent a password reset token to it."}


class User(SQLModel, table=True):
    id: Optional[int] = Field(default=None, primary_key=True)
    email: str = Field(nullable=False, unique=True)
    username: str = Field(nullable=False, unique=True)
    name: str
    dept: str
    avatar: Optional[str] = None
    bio: Optional[str] = None
    password: Optional[str] = None
    currency: str = "USD"


SQLModel.metadata.create_all(engine)
app = FastAPI()

MESSAGE = """\
From: Dundie <{sender}>
To: {to}
Subject: Password reset for Dundie

Please use the following link to reset your password:
{url}?pwd_reset_token={token}

This link will expire in {expire} minutes.
"""


def send_email(to: str, message: str) -> None:
    with smtplib.SMTP("127.0.0.1", int(os.environ["SMTP_PORT"])) as server:
        server.sendmail(SENDER, [to], message)


def try_to_send_pwd_reset_email(email: str) -> None:
    with Session(engine) as session:
        user = session.exec(select(User).where(User.email == email)).first()
        if not user:
            return
        expire = datetime.utcnow() + timedelta(minutes=RESET_TOKEN_EXPIRE_MINUTES)
        claims = {"sub": user.username, "exp": expire, "scope": "pwd_reset"}
        token = jwt.encode(claims, SECRET_KEY, algorithm="HS256")
        message = MESSAGE.format(
            sender=SENDER, to=user.email, url=PWD_RESET_URL, token=token, expire=RESET_TOKEN_EXPIRE_MINUTES
        )
        send_email(user.email, message)


@app.post("/user/pwd_reset_token/")
async def send_password_reset_token(*, email: str = Body(embed=True), background_tasks: BackgroundTasks):
    background_tasks.add_task(try_to_send_pwd_reset_email, email=email)
    return ANSWER


@app.post("/no-op/")
async def nothing(*, email: str = Body(embed=True)):
    return ANSWER


@app.get("/health")
async def health():
    return "ok"
