"""A form in Streamlit that fills in while the model writes.

    pip install partialfast streamlit
    streamlit run examples/web/streamlit_app.py

Streamlit draws on the server, so that snapshots are all it needs.
"""

import streamlit as st
from openai import OpenAI
from pydantic import BaseModel

import partialfast as pf


class User(BaseModel):
    name: str
    email: str
    twitter: str


class Meeting(BaseModel):
    users: list[User]
    date: str
    location: str
    budget: int
    deadline: str


st.title("Meeting")
text = st.text_area("What was said", "the meeting")
if st.button("Ask"):
    form, status = st.empty(), st.empty()
    client = pf.from_openai(OpenAI(), model="gpt-4o-mini")
    # At most ten times a second: each time, Streamlit sends the whole table anew.
    stream = client.create_partial(
        response_model=Meeting, messages=[{"role": "user", "content": text}], every=0.1
    )
    try:
        for snapshot in stream:
            with form.container():
                st.table([user.model_dump(exclude_unset=True) for user in snapshot.users or []])
                for name in ("date", "location", "budget", "deadline"):
                    st.text(f"{name}: {getattr(snapshot, name) or '…'}")
        status.success("The answer is complete.")
    except pf.StreamError as error:
        status.error(str(error))
