// How the server reads and answers HTTP messages: bodies, codings, headers, and what is refused.
#include "control-plane/http/test_server.h"

namespace agent_secrets::control_plane {

TEST_CASE("a body arrives in pieces and comes back whole") {
  RunningServer server;
  Client client(server);
  const std::string body(100'000, 'x');
  client.send("PUT /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 100000\r\n");
  client.send("\r\n");
  client.send(body.substr(0, 7));
  client.send(body.substr(7));
  CHECK(client.receive_all().ends_with("\r\n\r\n" + body));
}

TEST_CASE("a chunked body comes back whole") {
  RunningServer server;
  Client client(server);
  client.send(
      "PUT /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n");
  client.send("\r\n3\r\nabc\r\n");
  client.send("2\r\nde\r\n0\r\n\r\n");
  CHECK(client.receive_all().ends_with("\r\n\r\nabcde"));
}

TEST_CASE("an oversized body is answered with 413 after the client has sent all of it") {
  RunningServer server;
  Client client(server);
  client.send("PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 8388608\r\n\r\n");
  client.send(std::string(8'388'608, 'x'));
  const std::string answer = client.receive_all();
  CHECK(contains(answer, "HTTP/1.1 413 "));
  CHECK(answer.ends_with("{\"status\":413}"));
}

TEST_CASE("an oversized chunked body is answered with 413") {
  RunningServer server;
  Client client(server);
  client.send("PUT /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = "10000\r\n" + std::string(0x10000, 'x') + "\r\n";
  for (int i = 0; i < 100; ++i) client.send(chunk);
  client.send("0\r\n\r\n");
  client.finish_sending();
  CHECK(contains(client.receive_all(), "HTTP/1.1 413 "));
}

TEST_CASE("what a chunked trailer says is dropped") {
  RunningServer server;
  for (const char* trailer : {"Authorization: wrong", "Host: b", "X-Any: b"}) {
    Client client(server);
    client.send(put("a", "Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"));
    client.send("3\r\nabc\r\n0\r\n" + std::string(trailer) + "\r\n\r\n");
    const std::string answer = client.receive_all();
    CHECK(contains(answer, "HTTP/1.1 200 "));
    CHECK(answer.ends_with("abc"));
  }
  Client late(server);
  late.send("PUT /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
  late.send("3\r\nabc\r\n0\r\nHost: a\r\n\r\n");
  CHECK(contains(late.receive_all(), "HTTP/1.1 400 "));
}

TEST_CASE("a transfer coding other than exactly chunked is 400, and ends the connection") {
  RunningServer server;
  for (const char* framing :
       {"Transfer-Encoding: xchunked\r\n", "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: chunked, identity\r\n", "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: \"chunked\"\r\n", "Transfer-Encoding: chunked;q=1\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "Transfer-Encoding:\r\n",
        "Transfer-Encoding: \vchunked\r\n", "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 3\r\nTransfer-Encoding: identity\r\n",
        "Content-Length: 3\r\nContent-Length: 3\r\n", "Content-Length: 3, 3\r\n",
        "Content-Length: +3\r\n", "Content-Length: -1\r\n", "Content-Length: 0x3\r\n"}) {
    INFO(framing);
    Client client(server);
    client.send("PUT /echo HTTP/1.1\r\nHost: a\r\n" + std::string(framing) + "\r\n" +
                std::string(kHello));
    const std::string answer = client.receive_all();
    CHECK(contains(answer, "HTTP/1.1 400 "));
    CHECK(answer.ends_with("{\"status\":400}"));
    CHECK_FALSE(contains(answer, " 200 "));
  }
  Client upper(server);
  upper.send(put("a", "Connection: close\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n"));
  CHECK(contains(upper.receive_all(), "HTTP/1.1 200 "));
  Client old(server);
  old.send("PUT /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  CHECK(contains(old.receive_all(), "HTTP/1.1 400 "));
}

TEST_CASE("a client that expects 100-continue hears it, or the refusal in its place") {
  RunningServer server;
  Client client(server);
  client.send(
      "PUT /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nConnection: close\r\n"
      "Content-Length: 3\r\n\r\n");
  CHECK(client.receive_through("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("abc");
  CHECK(client.receive_all().ends_with("\r\n\r\nabc"));

  Client refused(server);
  refused.send(
      "PUT /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
      "Content-Length: 99999999\r\n\r\n");
  CHECK(contains(refused.receive_all(), "HTTP/1.1 413 "));
}

TEST_CASE("a header past its bound is 431, and what is no HTTP is 400") {
  RunningServer server;
  Client large(server);
  large.send("GET /hello HTTP/1.1\r\nHost: a\r\nX: " + std::string(40'000, 'x') + "\r\n\r\n");
  CHECK(contains(large.receive_all(), "HTTP/1.1 431 "));

  for (const std::string_view bytes :
       {"nonsense\r\n\r\n", "GET /hello HTTP/1.1\r\n\r\n", "GET /a%zz HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"}) {
    INFO(bytes);
    Client client(server);
    client.send(bytes);
    const std::string answer = client.receive_all();
    CHECK(contains(answer, "HTTP/1.1 400 "));
    CHECK(answer.ends_with("{\"status\":400}"));
  }
}

TEST_CASE("HEAD has the length and no body, and HTTP/1.0 closes") {
  RunningServer server;
  Client client(server);
  client.send("HEAD /hello HTTP/1.0\r\n\r\n");
  const std::string answer = client.receive_all();
  CHECK(contains(answer, "Content-Length: 7\r\n"));
  CHECK(answer.ends_with("\r\n\r\n"));
}

}  // namespace agent_secrets::control_plane
