"""The bus as MCP tools, for models: at most nine tools, terse answers, the unread count on every one of them.

    a tools/call ─► Toolbox: check the arguments, call the agent, say it in lines ─► text, and _inbox_unread

The identity is the key of the agent that the server was started for; no tool takes it as an argument. Needs the extra
`somabus[mcp]`.
"""
