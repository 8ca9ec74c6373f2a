"""Where answers differ from a document on purpose, each with its reason: (document, operation, what, why).

`operation` is "METHOD path", with * for any text; `what` is a status, or a check's name. An entry that no answer
needed fails the run: it is not true any more.
"""

OFFICIAL, OURS = "official", "ours"

DEVIATIONS = [
    (OFFICIAL, "GET /agents*", "400", "a malformed request; the document names that status for other operations"),
    (OFFICIAL, "DELETE /agents/{agentName}", "400", "the same"),
    (OFFICIAL, "DELETE /secrets/{setName}/{secretKey}", "400", "the same; also a key of an image pull secret"),
    (OFFICIAL, "GET /builds", "400", "the same"),
    (OFFICIAL, "* /agents*", "401", "a request without a good key; the document names that status for other operations"),
    (OFFICIAL, "* /builds*", "401", "the same"),
    (OFFICIAL, "DELETE /secrets/{setName}", "409", "a set that agents use is not deleted: they could not start any more"),
    (OFFICIAL, "POST /builds*", "501", "images are built elsewhere, and deployed by name"),
    (OFFICIAL, "GET /builds/*", "501", "the same"),
    (OFFICIAL, "GET /agents/{agentName}/logs", "501", "logs are where the operator runs the containers"),
    (OFFICIAL, "DELETE /agents/{agentName}/sessions/{sessionId}", "501", "a session is stopped where its container runs"),
    (OFFICIAL, "POST /{agentName}/start", "501", "a session is started there too; a 404 would read as success"),
    (OFFICIAL, "* /{serviceName}/sessions/{sessionId}/{path}", "501", "and is reached there"),
]
