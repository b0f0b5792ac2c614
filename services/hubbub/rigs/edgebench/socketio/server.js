// A chat server on Socket.IO, as its documentation writes one: clients join rooms, and what one says in a room goes to
// all in it. WebSocket only, and its defaults for the rest.
"use strict";
const { createServer } = require("http");
const { Server } = require("socket.io");

const [host, port] = process.argv[2].split(":");
const http = createServer();
const io = new Server(http, { transports: ["websocket"] });
io.on("connection", (socket) => {
  socket.on("join", (room, done) => {
    socket.join(room);
    done();
  });
  socket.on("say", (room, text) => io.to(room).emit("msg", { room, text }));
});
http.listen(Number(port), host, 4096);

// The benchmark asks for a collection before it looks at the memory.
process.on("SIGUSR2", () => global.gc());
