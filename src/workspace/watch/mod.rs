//! Watching workspaces.
