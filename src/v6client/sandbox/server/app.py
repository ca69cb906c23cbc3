"""The server's application: its routes, one database connection a request, and its errors."""

from __future__ import annotations

import traceback

from flask import Flask, Response, g
from werkzeug.exceptions import HTTPException, NotFound

from v6client.sandbox.server import (
    accounts,
    blobstream,
    login,
    members,
    runs,
    task_creation,
    tasks,
    vpn,
    work,
)
from v6client.sandbox.server.database import connect
from v6client.sandbox.server.documents import API
from v6client.sandbox.server.replies import (
    UNEXPECTED,
    Refusal,
    reply,
    reply_compact,
    reply_refusal,
)
from v6client.sandbox.server.state import ServerState


def create_app(state: ServerState) -> Flask:
    """Give the WSGI application of a server."""
    app = Flask("v6client.sandbox.server", static_folder=None)
    app.extensions["sandbox"] = state
    modules = (accounts, blobstream, login, members, runs, task_creation, tasks, vpn, work)
    for module in modules:
        app.register_blueprint(module.routes, url_prefix=API)

    @app.before_request
    def open_database() -> None:
        g.connection = connect(state.database)

    @app.teardown_request
    def close_database(_: BaseException | None) -> None:
        database = g.pop("connection", None)
        if database is not None:
            database.close()

    @app.after_request
    def allow_origins(response: Response) -> Response:
        response.headers["Access-Control-Allow-Origin"] = "*"
        return response

    app.register_error_handler(Refusal, reply_refusal)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)
    return app


def _http_error(error: HTTPException) -> Response:
    """Answer as the real server's framework does: JSON, but for a path that nobody owns."""
    if isinstance(error, NotFound):
        return Response(error.get_body(), error.code, content_type="text/html; charset=utf-8")
    response = reply({"message": error.description}, error.code or 500)
    for name, value in error.get_headers():
        if name == "Allow":
            response.headers[name] = value
    return response


def _unexpected(error: Exception) -> Response:
    traceback.print_exception(error)
    return reply_compact({"msg": UNEXPECTED}, 500)
