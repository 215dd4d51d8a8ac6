// Placeholder until the support's first file.
