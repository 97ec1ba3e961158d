"""TCP's laws, measured: experiments in virtual time, each against the formula that it should meet."""
