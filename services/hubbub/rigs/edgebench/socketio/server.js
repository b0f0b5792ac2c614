// A chat server on Socket.IO, as in its documentation: clients join rooms, and a message to a room goes to all clients in
// it. WebSocket only, and the defaults for everything else.
"use strict";
const { createServer } = require("http");
const { Server } = require("socket.io");

const [host, port] = process.argv[2].split(":");
const http = createServer();
const io = new Server(http, { transports: ["websocket"] });
io.on("connection", (socket) => {
  socket.on("join", (room, ack) => {
    socket.join(room);
    ack();
  });
  socket.on("say", (room, text) => io.to(room).emit("msg", { room, text }));
});
http.listen(Number(port), host, 4096);

// The benchmark asks for a garbage collection before it measures the memory.
process.on("SIGUSR2", () => global.gc());
