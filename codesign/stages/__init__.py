"""The stages of a run, one module each; ``codesign.loop`` puts them in order."""
