"""Events as the coding agents document them; a session and what happens in it are filled in."""

CLAUDE = {
    "start": {
        "session_id": "S", "transcript_path": "/home/me/.claude/projects/p/S.jsonl", "cwd": "/home/me/p",
        "permission_mode": "default", "hook_event_name": "SessionStart", "source": "startup", "model": "claude-opus",
    },
    "tool": {
        "session_id": "S", "transcript_path": "/home/me/.claude/projects/p/S.jsonl", "cwd": "/home/me/p",
        "permission_mode": "acceptEdits", "hook_event_name": "PostToolUse", "tool_name": "Bash",
        "tool_input": {"command": "pytest -q", "description": "Run the tests"},
        "tool_response": {"stdout": "3 passed\n", "stderr": "", "interrupted": False, "isImage": False},
        "tool_use_id": "toolu_01ABC", "duration_ms": 812,
    },
    "stop": {
        "session_id": "S", "transcript_path": "/home/me/.claude/projects/p/S.jsonl", "cwd": "/home/me/p",
        "permission_mode": "default", "hook_event_name": "Stop", "stop_hook_active": False,
        "last_assistant_message": "Done.",
    },
    "end": {
        "session_id": "S", "transcript_path": "/home/me/.claude/projects/p/S.jsonl", "cwd": "/home/me/p",
        "hook_event_name": "SessionEnd", "reason": "prompt_input_exit",
    },
}  # fmt: skip
CODEX = {
    "start": {**CLAUDE["start"], "model": "gpt-5-codex"},
    "tool": {**CLAUDE["tool"], "turn_id": "t1", "model": "gpt-5-codex"},
    "stop": {**CLAUDE["stop"], "turn_id": "t1", "model": "gpt-5-codex"},
}
GEMINI = {
    "start": {
        "session_id": "S", "transcript_path": "/home/me/.gemini/tmp/chats/S.json", "cwd": "/home/me/p",
        "hook_event_name": "SessionStart", "timestamp": "2026-11-20T12:00:00Z", "source": "startup",
    },
    "tool": {
        "session_id": "S", "transcript_path": "/home/me/.gemini/tmp/chats/S.json", "cwd": "/home/me/p",
        "hook_event_name": "AfterTool", "timestamp": "2026-11-20T12:00:00Z", "tool_name": "run_shell_command",
        "tool_input": {"command": "ls"}, "tool_response": {"llmContent": "a b", "returnDisplay": "a b"},
    },
    "stop": {
        "session_id": "S", "transcript_path": "/home/me/.gemini/tmp/chats/S.json", "cwd": "/home/me/p",
        "hook_event_name": "AfterAgent", "timestamp": "2026-11-20T12:00:00Z", "prompt": "go",
        "prompt_response": "Done.", "stop_hook_active": False,
    },
    "end": {
        "session_id": "S", "transcript_path": "/home/me/.gemini/tmp/chats/S.json", "cwd": "/home/me/p",
        "hook_event_name": "SessionEnd", "timestamp": "2026-11-20T12:00:00Z", "reason": "exit",
    },
}  # fmt: skip
_CURSOR = {
    "conversation_id": "S", "generation_id": "g1", "model": "default", "cursor_version": "2.4.0",
    "workspace_roots": ["/home/me/p"], "user_email": "me@example.com", "transcript_path": None,
}  # fmt: skip
CURSOR = {
    "start": {**_CURSOR, "hook_event_name": "sessionStart", "session_id": "S", "is_background_agent": False},
    "tool": {
        **_CURSOR, "hook_event_name": "postToolUse", "tool_name": "Shell", "tool_input": {"command": "ls"},
        "tool_output": "{}", "tool_use_id": "u1", "cwd": "/home/me/p", "duration": 12,
    },
    "stop": {**_CURSOR, "hook_event_name": "stop", "status": "completed", "loop_count": 0},
    "end": {**_CURSOR, "hook_event_name": "sessionEnd", "session_id": "S", "reason": "completed"},
}  # fmt: skip
EVENTS = {"claude-code": CLAUDE, "codex": CODEX, "gemini-cli": GEMINI, "cursor": CURSOR}
