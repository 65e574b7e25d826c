"""The stages of a run, one module each; ``codesign.run`` puts them in order."""
