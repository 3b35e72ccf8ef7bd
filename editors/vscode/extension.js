// Starts `zkc lsp` and hands it to the editor.
const { workspace } = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

exports.activate = () => {
  const command = workspace.getConfiguration("circ").get("command");
  client = new LanguageClient("circ", "circ", { command, args: ["lsp"] }, { documentSelector: [{ language: "circ" }] });
  return client.start();
};

exports.deactivate = () => client?.stop();
